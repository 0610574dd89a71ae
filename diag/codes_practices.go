package diag

// The codes of best practices: what Kyverno takes and does, and platform teams
// have learned to avoid. They are warnings, each of which can be turned off.
const (
	SystemNamespaces     Code = "KC501"
	IdleBackground       Code = "KC502"
	UnhelpfulMessage     Code = "KC503"
	AllKinds             Code = "KC504"
	ControllersUnchecked Code = "KC505"
	PodsUnchecked        Code = "KC506"
	InitContainers       Code = "KC507"
	OpenImagePattern     Code = "KC508"
	LatestTag            Code = "KC509"
	ImplicitRegistry     Code = "KC510"
	DeprecatedVersion    Code = "KC511"
	FailOpen             Code = "KC512"
	LongTimeout          Code = "KC513"
	CriticalAudit        Code = "KC514"
	WideException        Code = "KC515"
	ExceptedRules        Code = "KC516"
	NotSynchronized      Code = "KC517"
	OpenCloneSource      Code = "KC518"
	Undocumented         Code = "KC519"
	DeniesAll            Code = "KC520"
	LoneAlternative      Code = "KC521"
	OptionalParent       Code = "KC522"
	DeletesAll           Code = "KC523"
)
