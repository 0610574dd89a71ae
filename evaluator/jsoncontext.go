package evaluator

import (
	"reflect"

	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	kyvernov2 "github.com/kyverno/kyverno/api/kyverno/v2"
	"github.com/kyverno/kyverno/pkg/config"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	enginecontext "github.com/kyverno/kyverno/pkg/engine/context"
	"github.com/kyverno/kyverno/pkg/engine/policycontext"
	apiutils "github.com/kyverno/kyverno/pkg/utils/api"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// jsonContext is Kyverno's JSON context with checkpoints that cost nothing
// until something changes. Kyverno copies the whole resource at each checkpoint,
// which it makes for each policy, each rule and each list of a foreach, and adds
// the resource after each rule, also after one that leaves it as it is; most of
// that is gone again before anything looks at it.
//
// Checkpoints that are asked for with no change in between are made as one,
// just before the next change; to go back to one of them is to go back to that
// one, and to forget it again. A resource is added when something is looked up.
type jsonContext struct {
	enginecontext.Interface
	// before and after count the checkpoints that are asked for and not made,
	// before and after the resource that is to be added; without one, there
	// are none after.
	before, after int
	resource      map[string]any
	made          []madeCheckpoint
	// object is the resource that request.object holds, as long as nothing
	// has been added since.
	object uintptr
}

// madeCheckpoint is a checkpoint of Kyverno's that stands for several.
type madeCheckpoint struct {
	count  int
	object uintptr
}

// Checkpoint implements enginecontext.Interface.
func (c *jsonContext) Checkpoint() {
	if c.resource != nil {
		c.after++
		return
	}
	c.before++
}

// Restore implements enginecontext.Interface.
func (c *jsonContext) Restore() {
	if c.after > 0 {
		c.after--
		return
	}
	if c.back() {
		c.before--
	}
}

// Reset implements enginecontext.Interface.
func (c *jsonContext) Reset() {
	if c.after == 0 {
		c.back()
	}
}

// back goes back to the last checkpoint, which is then pending, with all that
// were made as one with it. It reports whether there is one.
func (c *jsonContext) back() bool {
	if c.before == 0 && len(c.made) == 0 {
		return false
	}
	c.resource = nil
	if c.before > 0 {
		return true
	}
	c.Interface.Restore()
	last := c.made[len(c.made)-1]
	c.made = c.made[:len(c.made)-1]
	c.before, c.object = last.count, last.object
	return true
}

// AddResource implements enginecontext.Interface.
func (c *jsonContext) AddResource(data map[string]any) error {
	switch id := identity(data); {
	case data == nil:
		c.changes()
		return c.Interface.AddResource(data)
	case c.resource != nil && id == identity(c.resource), c.resource == nil && id == c.object:
		return nil
	case c.resource != nil && c.after > 0:
		if err := c.look(); err != nil {
			return err
		}
	}
	c.resource = data
	return nil
}

// identity tells maps apart.
func identity(m map[string]any) uintptr { return reflect.ValueOf(m).Pointer() }

// look adds the resource that is to be added.
func (c *jsonContext) look() error {
	if c.resource == nil {
		return nil
	}
	resource, after := c.resource, c.after
	c.resource, c.after = nil, 0
	c.checkpoints()
	err := c.Interface.AddResource(resource)
	c.object, c.before = identity(resource), after
	return err
}

// checkpoints makes the pending checkpoints.
func (c *jsonContext) checkpoints() {
	if c.before > 0 {
		c.Interface.Checkpoint()
		c.made = append(c.made, madeCheckpoint{c.before, c.object})
		c.before = 0
	}
}

// changes is called before a change.
func (c *jsonContext) changes() {
	// What AddResource may say of a resource, it said of the request's.
	_ = c.look()
	c.checkpoints()
	c.object = 0
}

// Query implements enginecontext.Interface.
func (c *jsonContext) Query(query string) (any, error) {
	if err := c.look(); err != nil {
		return nil, err
	}
	return c.Interface.Query(query)
}

// HasChanged implements enginecontext.Interface.
func (c *jsonContext) HasChanged(path string) (bool, error) {
	if err := c.look(); err != nil {
		return false, err
	}
	return c.Interface.HasChanged(path)
}

// What follows implements the rest of enginecontext.Interface that changes the
// context.

func (c *jsonContext) AddRequest(request admissionv1.AdmissionRequest) error {
	c.changes()
	return c.Interface.AddRequest(request)
}

func (c *jsonContext) AddVariable(key string, value any) error {
	c.changes()
	return c.Interface.AddVariable(key, value)
}

func (c *jsonContext) AddContextEntry(name string, data []byte) error {
	c.changes()
	return c.Interface.AddContextEntry(name, data)
}

func (c *jsonContext) ReplaceContextEntry(name string, data []byte) error {
	c.changes()
	return c.Interface.ReplaceContextEntry(name, data)
}

func (c *jsonContext) AddOldResource(data map[string]any) error {
	c.changes()
	return c.Interface.AddOldResource(data)
}

func (c *jsonContext) SetTargetResource(data map[string]any) error {
	c.changes()
	return c.Interface.SetTargetResource(data)
}

func (c *jsonContext) AddOperation(data string) error {
	c.changes()
	return c.Interface.AddOperation(data)
}

func (c *jsonContext) AddUserInfo(info kyvernov2.RequestInfo) error {
	c.changes()
	return c.Interface.AddUserInfo(info)
}

func (c *jsonContext) AddServiceAccount(name string) error {
	c.changes()
	return c.Interface.AddServiceAccount(name)
}

func (c *jsonContext) AddNamespace(namespace string) error {
	c.changes()
	return c.Interface.AddNamespace(namespace)
}

func (c *jsonContext) AddElement(data any, index, nesting int) error {
	c.changes()
	return c.Interface.AddElement(data, index, nesting)
}

func (c *jsonContext) AddImageInfo(info apiutils.ImageInfo, cfg config.Configuration) error {
	c.changes()
	return c.Interface.AddImageInfo(info, cfg)
}

func (c *jsonContext) AddImageInfos(resource *unstructured.Unstructured, cfg config.Configuration) error {
	c.changes()
	return c.Interface.AddImageInfos(resource, cfg)
}

func (c *jsonContext) AddDeferredLoader(loader enginecontext.DeferredLoader) error {
	c.changes()
	return c.Interface.AddDeferredLoader(loader)
}

func (c *jsonContext) GenerateCustomImageInfo(resource *unstructured.Unstructured, extractors kyvernov1.ImageExtractorConfigs, cfg config.Configuration) (map[string]map[string]apiutils.ImageInfo, error) {
	c.changes()
	return c.Interface.GenerateCustomImageInfo(resource, extractors, cfg)
}

// policyContext is Kyverno's policy context over a jsonContext. It is not for
// verifyImages rules and the generate controller, which reach past the
// interface.
type policyContext struct {
	*policycontext.PolicyContext
	json *jsonContext
}

var _ engineapi.PolicyContext = policyContext{}

// JSONContext implements engineapi.PolicyContext.
func (c policyContext) JSONContext() enginecontext.Interface { return c.json }

// Copy implements engineapi.PolicyContext.
func (c policyContext) Copy() engineapi.PolicyContext {
	inner := *c.PolicyContext
	return policyContext{&inner, c.json}
}

// SetResources implements engineapi.PolicyContext.
func (c policyContext) SetResources(oldResource, newResource unstructured.Unstructured) error {
	c.json.changes()
	return c.PolicyContext.SetResources(oldResource, newResource)
}

// SetOperation implements engineapi.PolicyContext.
func (c policyContext) SetOperation(operation kyvernov1.AdmissionOperation) error {
	c.json.changes()
	return c.PolicyContext.SetOperation(operation)
}
