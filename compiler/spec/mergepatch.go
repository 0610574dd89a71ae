package spec

// MergePatch applies an RFC 7386 merge patch: structs merge field by field, a
// null removes, anything else replaces. It gives nil where the patch itself is
// null. Neither argument is changed.
func MergePatch(target, patch *Node) *Node { return mergePatch(target, patch, nil, nil) }

// PatchChange is one thing that a merge patch does.
type PatchChange struct {
	Path Path  // in the target; empty for all of it
	At   *Node // the part of the patch that says so
	Was  *Node // nil where it is added
	Now  *Node // nil where it is removed
}

// PatchChanges lists what MergePatch changes, in the order of the patch:
// applied one by one, they make of the target what MergePatch makes of it.
func PatchChanges(target, patch *Node) []PatchChange {
	var out []PatchChange
	mergePatch(target, patch, nil, func(c PatchChange) { out = append(out, c) })
	return out
}

// mergePatch applies a patch to what stands at a path, and tells of each change
// where someone listens.
func mergePatch(target, patch *Node, path Path, tell func(PatchChange)) *Node {
	if patch.Kind == Struct && target != nil && target.Kind == Struct {
		merged := target
		for _, f := range patch.Fields {
			var inner Path
			if tell != nil {
				inner = path.Child(f.Name)
			}
			if value := mergePatch(merged.Get(f.Name), f.Value, inner, tell); value == nil {
				merged = merged.Without(f.Name)
			} else {
				merged = merged.With(f.Name, value)
			}
		}
		return merged
	}
	now := patch
	switch patch.Kind {
	case Null:
		now = nil
	case Struct: // its nulls have nothing to remove
		now = mergePatch(&Node{Kind: Struct, Pos: patch.Pos}, patch, nil, nil)
	}
	if tell != nil && (target != nil || now != nil) {
		tell(PatchChange{Path: path, At: patch, Was: target, Now: now})
	}
	return now
}
