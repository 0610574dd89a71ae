package spec

// MergePatch applies an RFC 7386 merge patch: structs merge field by field, a
// null removes, anything else replaces. It gives nil where the patch itself is
// null. Neither argument is changed.
func MergePatch(target, patch *Node) *Node {
	if patch.Kind == Null {
		return nil
	}
	if patch.Kind != Struct {
		return patch
	}
	merged := &Node{Kind: Struct, Pos: patch.Pos}
	if target != nil && target.Kind == Struct {
		merged = target
	}
	for _, f := range patch.Fields {
		value := MergePatch(merged.Get(f.Name), f.Value)
		if value == nil {
			merged = merged.Without(f.Name)
		} else {
			merged = merged.With(f.Name, value)
		}
	}
	return merged
}
