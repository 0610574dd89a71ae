package spec

import "strings"

// Identity tells Kubernetes objects apart: an object is the same in every version
// of its group.
type Identity struct{ Group, Kind, Namespace, Name string }

// IdentityOf gives the identity of an object. What it does not say is empty; so
// is the group of Kubernetes' core.
func IdentityOf(object *Node) Identity {
	group, _, grouped := strings.Cut(object.Get("apiVersion").Str(), "/")
	if !grouped {
		group = ""
	}
	metadata := object.Get("metadata")
	return Identity{group, object.Get("kind").Str(), metadata.Get("namespace").Str(), metadata.Get("name").Str()}
}
