package diag

// The codes of variables: JMESPath, {{ variables }}, $(references) and the
// context entries that bring data in.
const (
	JMESPath          Code = "KC420"
	UnknownVariable   Code = "KC421"
	MisplacedVariable Code = "KC422"
	ContextEntry      Code = "KC423"
	ContextOrder      Code = "KC424"
	PathReference     Code = "KC425"
	UnclosedVariable  Code = "KC426"
)
