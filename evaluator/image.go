package evaluator

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/kyverno/sdk/extensions/imagedataloader"
)

// imageData is what is given of an image, under the names of either kind of
// policy: those of a context entry (manifestList, configData) and those of CEL
// (imageIndex, config).
type imageData map[string]any

// image finds the data of an image.
func (l *lookups) image(ref string) (imageData, error) {
	for _, v := range l.values {
		if data, ok := v.Images[ref]; ok {
			return data, nil
		}
	}
	return nil, l.miss("the data of image "+ref, fmt.Sprintf("context.images[%q]", ref))
}

// field is the first of the named fields that is there.
func (d imageData) field(names ...string) (any, bool) {
	for _, name := range names {
		if value, ok := d[name]; ok {
			return value, true
		}
	}
	return nil, false
}

// descriptor is the data as CEL sees it. What the reference itself says is
// filled in as Kyverno reads it.
func (d imageData) descriptor(ref string) map[string]any {
	out := map[string]any{}
	if parsed, err := imagedataloader.ParseImageReference(ref, nil); err == nil {
		if data, err := json.Marshal(parsed); err == nil {
			_ = json.Unmarshal(data, &out)
		}
	}
	maps.Copy(out, d)
	for name, other := range map[string]string{"config": "configData", "imageIndex": "manifestList"} {
		if value, ok := d.field(name, other); ok {
			out[name] = value
		}
	}
	return out
}
