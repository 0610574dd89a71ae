package diag

// The codes of CEL: what Kyverno's compilers refuse in an expression and around
// it, and what compiles and fails when it is evaluated.
const (
	CELSyntax       Code = "KC430"
	CELName         Code = "KC431"
	CELFunction     Code = "KC432"
	CELField        Code = "KC433"
	CELVariable     Code = "KC434"
	CELTypes        Code = "KC435"
	CELResult       Code = "KC436"
	CELLiteral      Code = "KC437"
	CELForbidden    Code = "KC438"
	CELForms        Code = "KC439"
	CELTemplate     Code = "KC440"
	CELAutogen      Code = "KC441"
	CELAutogenPath  Code = "KC442"
	CELMissingField Code = "KC443"
	CELControllers  Code = "KC444"
)
