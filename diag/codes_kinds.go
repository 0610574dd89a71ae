package diag

// The codes of kinds: what a policy says of a kind of resource that no cluster
// has, or that Kyverno does not take of it.
const (
	MisspeltKind         Code = "KC450"
	UnknownKind          Code = "KC451"
	KindNotServed        Code = "KC452"
	KindRemoved          Code = "KC453"
	NoSubresource        Code = "KC454"
	KindNotAllowed       Code = "KC455"
	EmptyMatch           Code = "KC456"
	SubresourceUnmatched Code = "KC457"
	GenerateTarget       Code = "KC458"
	GenerateLoop         Code = "KC459"
)
