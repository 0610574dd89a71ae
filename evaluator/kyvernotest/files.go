package kyvernotest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// maxFile bounds a file, and with it what its aliases may expand to.
const maxFile = 64 << 20

// tree reads files below one directory, and nothing outside of it: os.Root
// refuses paths and symbolic links that lead out.
type tree struct {
	*os.Root
	base string
}

func openTree(root string) (*tree, error) {
	base, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	opened, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	return &tree{Root: opened, base: base}, nil
}

// locate splits the path of a suite into its directory, relative to the tree,
// and its name.
func (t *tree) locate(path string) (dir, name string, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	rel, err := filepath.Rel(t.base, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return "", "", fmt.Errorf("%s is not below %s", path, t.base)
	}
	return filepath.Dir(rel), filepath.Base(rel), nil
}

// resolve turns a path that a suite names into one of the tree.
func (t *tree) resolve(dir, name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("an empty path")
	case name == "-", strings.Contains(name, "://"), strings.HasPrefix(name, "git@"):
		return "", fmt.Errorf("%s is not fetched: give a file", name)
	}
	rel := filepath.Join(dir, name)
	if filepath.IsAbs(name) {
		var err error
		if rel, err = filepath.Rel(t.base, name); err != nil {
			return "", err
		}
	}
	if !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s is outside of %s, and not read", name, t.base)
	}
	return rel, nil
}

// read reads a file that a suite in dir names.
func (t *tree) read(dir, name string) ([]byte, error) {
	rel, err := t.resolve(dir, name)
	if err != nil {
		return nil, err
	}
	file, err := t.Open(rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, errors.Unwrap(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MB", name, maxFile>>20)
	}
	return data, nil
}

// objects reads the Kubernetes objects of a file: all documents of YAML or
// JSON, Lists taken apart.
func (t *tree) objects(dir, name string) ([]*unstructured.Unstructured, error) {
	data, err := t.read(dir, name)
	if err != nil {
		return nil, err
	}
	return decodeObjects(data, name)
}

func decodeObjects(data []byte, name string) ([]*unstructured.Unstructured, error) {
	documents, err := splitDocuments(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var objects []*unstructured.Unstructured
	for _, document := range documents {
		object, err := decodeObject(document)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, document.line, err)
		}
		if !object.IsList() {
			objects = append(objects, object)
			continue
		}
		list, err := object.ToList()
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, document.line, err)
		}
		for i := range list.Items {
			objects = append(objects, &list.Items[i])
		}
	}
	return objects, nil
}

// document is one document of a stream, and the line of the file that it
// begins on.
type document struct {
	data []byte
	line int
}

// splitDocuments splits a stream and drops documents without content.
func splitDocuments(data []byte) ([]document, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	var documents []document
	rest := data
	line := 1
	for {
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		// The reader drops separators; what it gives is found again in order.
		if at := bytes.Index(rest, bytes.TrimSuffix(part, []byte("\n"))); at >= 0 {
			line += bytes.Count(rest[:at], []byte("\n"))
			rest = rest[at:]
		}
		if !blank(part) {
			documents = append(documents, document{data: part, line: line})
		}
	}
}

// blank tells that a document has only comments and separators.
func blank(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

// decodeObject decodes one document as a Kubernetes object.
func decodeObject(d document) (*unstructured.Unstructured, error) {
	data, err := yaml.YAMLToJSONStrict(d.data)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("no Kubernetes object: %w", err)
	}
	fillMaps(object.Object)
	return object, nil
}

// fillMaps makes empty maps of what Kubernetes has maps for and YAML has left
// without a value (as cmd/cli/kubectl-kyverno/resource/resource.go).
func fillMaps(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			switch key {
			case "annotations", "labels", "matchLabels", "nodeSelector", "data", "stringData":
				if field == nil {
					value[key] = map[string]any{}
				}
			}
			fillMaps(field)
		}
	case []any:
		for _, item := range value {
			fillMaps(item)
		}
	}
}

// typed is a type that tells its kind.
type typed interface{ GetObjectKind() schema.ObjectKind }

// decode decodes one document strictly into a type of Kyverno's command line,
// of which kind says the name.
func decode(d document, kind string, into typed) error {
	// Published suites have values of kind Value: Kyverno asks only for one.
	ofKind := func(apiVersion, of string) bool {
		return apiVersion == "cli.kyverno.io/v1alpha1" && (of == kind || of+"s" == kind)
	}
	decoding := yaml.UnmarshalStrict(d.data, into)
	if decoding == nil && ofKind(into.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()) {
		return nil
	}
	// What the document is comes before what is wrong with it.
	var meta struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(d.data, &meta); err != nil {
		return err
	}
	if !ofKind(meta.APIVersion, meta.Kind) {
		return fmt.Errorf("apiVersion %q and kind %q, where cli.kyverno.io/v1alpha1 and %s are expected", meta.APIVersion, meta.Kind, kind)
	}
	return decoding
}

// decodeFile decodes a file that has one document of a kind.
func (t *tree) decodeFile(dir, name, kind string, into typed) error {
	data, err := t.read(dir, name)
	if err != nil {
		return err
	}
	documents, err := splitDocuments(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(documents) != 1 {
		return fmt.Errorf("%s: %d documents, where one of kind %s is expected", name, len(documents), kind)
	}
	if err := decode(documents[0], kind, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
