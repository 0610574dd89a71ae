package main

// objectMeta gives the schema of Kubernetes' ObjectMeta, whose fields CRDs do
// not list: metav1.ObjectMeta of k8s.io/apimachinery. What the API server
// itself writes is known and not looked into.
func objectMeta() map[string]any {
	text := map[string]any{"type": "string"}
	truth := map[string]any{"type": "boolean"}
	integer := map[string]any{"type": "integer", "format": "int64"}
	texts := map[string]any{"type": "object", "additionalProperties": text}
	anything := map[string]any{"x-kubernetes-preserve-unknown-fields": true}
	return map[string]any{
		"type": "object",
		"properties": map[string]any{
			"name":         text,
			"generateName": text,
			"namespace":    text,
			"labels":       texts,
			"annotations":  texts,
			"finalizers":   map[string]any{"type": "array", "items": text},
			"ownerReferences": map[string]any{"type": "array", "items": map[string]any{
				"type":     "object",
				"required": []any{"apiVersion", "kind", "name", "uid"},
				"properties": map[string]any{
					"apiVersion": text, "kind": text, "name": text, "uid": text,
					"controller": truth, "blockOwnerDeletion": truth,
				},
			}},
			"creationTimestamp":          map[string]any{"type": "string", "format": "date-time"},
			"deletionTimestamp":          map[string]any{"type": "string", "format": "date-time"},
			"deletionGracePeriodSeconds": integer,
			"generation":                 map[string]any{"type": "integer", "format": "int64", "minimum": 0},
			"managedFields":              anything,
			"resourceVersion":            text,
			"selfLink":                   text,
			"uid":                        text,
		},
	}
}
