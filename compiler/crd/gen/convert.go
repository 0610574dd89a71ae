package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// exactlyOneRules are the x-kubernetes-validations of Kyverno's CRDs, by their
// text, as the fields of which exactly one must be set. There is no CEL in
// kcue's light binary; an unknown rule fails the generation.
var exactlyOneRules = map[string][]string{
	"(has(self.expression) && !has(self.template)) || (!has(self.expression) && has(self.template))": {"expression", "template"},
}

// convert turns an OpenAPI v3 schema, as decoded from YAML, into a table
// entry. path names it in errors.
func (g *generator) convert(schema map[string]any, path string) (*entry, error) {
	e := &entry{}
	for _, key := range slices.Sorted(maps.Keys(schema)) {
		if err := g.convertKeyword(e, key, schema[key], path); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, key, err)
		}
	}
	switch {
	case e.Type == "" && !e.IntOrString && !e.Preserve:
		return nil, fmt.Errorf("%s: no type", path)
	case len(e.Enum) > 0 && e.Type != "string":
		return nil, fmt.Errorf("%s: enum of type %q", path, e.Type)
	case e.ListType == "map" && len(e.ListKeys) == 0:
		return nil, fmt.Errorf("%s: list map without keys", path)
	}
	return e, nil
}

func (g *generator) convertKeyword(e *entry, key string, value any, path string) (err error) {
	switch key {
	case "description", "title", "x-kubernetes-map-type":
		// Prose, and what server-side apply merges by.
	case "type":
		e.Type, err = as[string](value)
		if err == nil && !slices.Contains([]string{"object", "array", "string", "integer", "number", "boolean"}, e.Type) {
			err = fmt.Errorf("unknown type %q", e.Type)
		}
	case "nullable":
		e.Nullable, err = as[bool](value)
	case "x-kubernetes-int-or-string":
		e.IntOrString, err = as[bool](value)
	case "x-kubernetes-preserve-unknown-fields":
		e.Preserve, err = as[bool](value)
	case "properties":
		e.Properties, err = g.convertProperties(value, path)
	case "additionalProperties":
		e.Additional, err = g.convertSub(value, path+"{}")
	case "items":
		e.Items, err = g.convertSub(value, path+"[]")
	case "required":
		e.Required, err = stringList(value)
	case "oneOf":
		err = setOneOf(e, value)
	case "not":
		e.NotAll, err = requiredOnly(value)
	case "x-kubernetes-validations":
		err = setRules(e, value)
	case "enum":
		e.Enum, err = stringList(value)
	case "format":
		e.Format, err = format(value)
	case "pattern":
		if e.Pattern, err = as[string](value); err == nil {
			_, err = regexp.Compile(e.Pattern)
		}
	case "minimum":
		e.Minimum, err = number(value)
	case "maximum":
		e.Maximum, err = number(value)
	case "minLength":
		e.MinLength, err = pointer[int](value)
	case "maxLength":
		e.MaxLength, err = pointer[int](value)
	case "minItems":
		e.MinItems, err = pointer[int](value)
	case "maxItems":
		e.MaxItems, err = pointer[int](value)
	case "x-kubernetes-list-type":
		e.ListType, err = as[string](value)
		if e.ListType == "atomic" {
			e.ListType = "" // no constraint
		}
	case "x-kubernetes-list-map-keys":
		e.ListKeys, err = stringList(value)
	case "default":
		e.Default = value
	default:
		err = fmt.Errorf("keyword that package crd does not implement: %v", value)
	}
	return err
}

func (g *generator) convertProperties(value any, path string) (map[string]int, error) {
	props, err := as[map[string]any](value)
	if err != nil {
		return nil, err
	}
	out := make(map[string]int, len(props))
	for _, name := range slices.Sorted(maps.Keys(props)) {
		sub, err := g.convertSub(props[name], path+"."+name)
		if err != nil {
			return nil, err
		}
		out[name] = *sub
	}
	return out, nil
}

func (g *generator) convertSub(value any, path string) (*int, error) {
	sub, err := as[map[string]any](value)
	if err != nil {
		return nil, err
	}
	i, err := g.add(sub, path)
	return &i, err
}

// setOneOf reads alternatives that each require one field; Kyverno's CRDs use
// no other form.
func setOneOf(e *entry, value any) error {
	alternatives, err := as[[]any](value)
	if err != nil {
		return err
	}
	for _, alternative := range alternatives {
		fields, err := requiredOnly(alternative)
		if err != nil {
			return err
		}
		if len(fields) != 1 {
			return fmt.Errorf("alternative that requires %v: only one field each is implemented", fields)
		}
		e.OneOf = append(e.OneOf, fields[0])
	}
	return nil
}

func setRules(e *entry, value any) error {
	rules, err := as[[]any](value)
	if err != nil {
		return err
	}
	for _, r := range rules {
		rule, err := as[map[string]any](r)
		if err != nil {
			return err
		}
		text, _ := rule["rule"].(string)
		fields, ok := exactlyOneRules[text]
		if !ok {
			return fmt.Errorf("rule that package crd does not implement: %s", text)
		}
		if len(e.OneOf) > 0 {
			return fmt.Errorf("rule beside another one-of: %s", text)
		}
		e.OneOf = fields
	}
	return nil
}

// requiredOnly reads a schema of which the only keyword is "required".
func requiredOnly(value any) ([]string, error) {
	schema, err := as[map[string]any](value)
	if err != nil {
		return nil, err
	}
	if len(schema) != 1 || schema["required"] == nil {
		return nil, fmt.Errorf("a form other than {required: …}: %v", schema)
	}
	return stringList(schema["required"])
}

func format(value any) (string, error) {
	f, err := as[string](value)
	if err == nil && !slices.Contains([]string{"int32", "int64", "date-time", "duration"}, f) {
		err = fmt.Errorf("format that package crd does not implement: %s", f)
	}
	return f, err
}

func as[T any](value any) (T, error) {
	t, ok := value.(T)
	if !ok {
		return t, fmt.Errorf("%v is %T, not %T", value, value, t)
	}
	return t, nil
}

func pointer[T any](value any) (*T, error) {
	t, err := as[T](value)
	return &t, err
}

func number(value any) (*float64, error) {
	switch n := value.(type) {
	case int:
		f := float64(n)
		return &f, nil
	case float64:
		return &n, nil
	}
	return nil, fmt.Errorf("%v is no number", value)
}

func stringList(value any) ([]string, error) {
	list, err := as[[]any](value)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(list))
	for i, item := range list {
		if out[i], err = as[string](item); err != nil {
			return nil, err
		}
	}
	return out, nil
}
