package diag

// Code names a kind of diagnostic: KC1xx load, KC2xx schema, KC3xx
// composition, KC4xx policy semantics, KC5xx best practice, KC6xx target, KC7xx import.
// A code never changes its meaning, and is not used again once it is gone.
type Code string

// The codes of load: what was named cannot be read as CUE packages.
const (
	Syntax         Code = "KC101"
	NoSuchFile     Code = "KC102"
	Unreadable     Code = "KC103"
	EmptyPackage   Code = "KC104"
	ImportNotFound Code = "KC105"
	ManyPackages   Code = "KC106"
	NotCUE         Code = "KC107"
	PinnedVersion  Code = "KC108"
	BadTag         Code = "KC109"
	Reference      Code = "KC110"
	Suppression    Code = "KC111"
)

// The codes of check: a spec does not fit the schema, or CUE cannot evaluate
// it.
const (
	UnknownField     Code = "KC201"
	WrongType        Code = "KC202"
	UnknownParameter Code = "KC203"
	NotInEnumeration Code = "KC204"
	MissingField     Code = "KC205"
	Conflict         Code = "KC206"
	NotConcrete      Code = "KC207"
	OutOfBounds      Code = "KC208"
	Evaluation       Code = "KC209"
	TooDeep          Code = "KC210"
)

// The codes of resolve: extends, overrides and what they bring together.
const (
	UnknownBase       Code = "KC301"
	AmbiguousBase     Code = "KC302"
	ExtendsCycle      Code = "KC303"
	InheritedConflict Code = "KC304"
	Redefined         Code = "KC305"
	OverridesNothing  Code = "KC306"
	OverridesParams   Code = "KC307"
	RepeatedBase      Code = "KC308"
)

// The codes of policy semantics: Kyverno would refuse the policy, or take it
// and not do what it says.
const (
	NoRuleBody            Code = "KC401"
	RuleBodies            Code = "KC402"
	NoMatch               Code = "KC403"
	NoMessage             Code = "KC404"
	ObjectName            Code = "KC405"
	RuleName              Code = "KC406"
	MatchForms            Code = "KC407"
	NamespacedPolicy      Code = "KC408"
	AutogenOff            Code = "KC409"
	NoRules               Code = "KC410"
	DuplicateObject       Code = "KC411"
	BackgroundUser        Code = "KC412"
	ExcludeAll            Code = "KC413"
	CRDSchema             Code = "KC414"
	ValidateForms         Code = "KC415"
	DigestInAudit         Code = "KC416"
	VerifyImagesOverrides Code = "KC417"
	Attestor              Code = "KC418"
	EngineRefuses         Code = "KC419"
)

// The codes of targets: a spec that cannot be said in the API it is compiled
// to.
const (
	UnknownTarget Code = "KC601"
)

// The codes about vetting itself.
const (
	UnusedSuppression Code = "KC530"
)

// The codes of import: what of Kyverno's YAML cannot become a spec.
const (
	RoundTrip    Code = "KC701"
	UnsayableRow Code = "KC702"
)
