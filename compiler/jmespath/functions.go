package jmespath

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// Function is a function that Kyverno's JMESPath knows: one of JMESPath's own
// or one of Kyverno's (pkg/engine/jmespath/functions.go GetFunctions).
type Function struct {
	Name string `json:"name"`
	// Arguments is empty where Kyverno does not look at their number.
	Arguments []Argument `json:"arguments,omitempty"`
	// Variadic is set where the last argument may be repeated. Kyverno does
	// not look at the arguments' types then.
	Variadic bool `json:"variadic,omitempty"`
	// Returns lists the types of the result, where Kyverno declares them.
	Returns []string `json:"returns,omitempty"`
	// Note is Kyverno's one line on what the function is for.
	Note string `json:"note,omitempty"`
}

// Argument says what a function takes at a place.
type Argument struct {
	// Types lists the types of which it takes one, as go-jmespath names them:
	// any, string, number, array, object, array[string], array[number], expref.
	Types []string `json:"types"`
}

//go:generate sh -c "cd ../../evaluator && go test ./vettest -run TestFunctions -update-functions"

//go:embed functions.json
var functionsJSON []byte

var functions = sync.OnceValue(func() map[string]Function {
	list := Functions()
	byName := make(map[string]Function, len(list))
	for _, f := range list {
		byName[f.Name] = f
	}
	return byName
})

var functionNames = sync.OnceValue(func() []string {
	var names []string
	for _, f := range Functions() {
		names = append(names, f.Name)
	}
	return names
})

// Functions gives every function, by name.
func Functions() []Function {
	var list []Function
	if err := json.Unmarshal(functionsJSON, &list); err != nil {
		panic(err) // the table is embedded, and read by the tests
	}
	return list
}
