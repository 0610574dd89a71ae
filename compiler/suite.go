package compiler

import (
	"encoding/json"
	"fmt"

	"kcue.dev/protocol"
)

// Suite gives the bundle's objects and tests in the form in which kcue-engine
// takes them. A bundle without tests gives a suite without tests.
func (b Bundle) Suite() (protocol.Suite, error) {
	suite := protocol.Suite{Name: b.Package}
	for _, o := range b.Objects {
		data, err := o.Node.MarshalJSON()
		if err != nil {
			return suite, fmt.Errorf("%s: %w", o.Path, err)
		}
		suite.Objects = append(suite.Objects, data)
	}
	for _, f := range b.Tests.Members() {
		data, err := f.Value.MarshalJSON()
		if err != nil {
			return suite, fmt.Errorf("test %q: %w", f.Name, err)
		}
		// Where a constraint covers all tests, as in `[string]: policy: "p"`, that is
		// the place of each; what a test expects stands in the test.
		pos := f.Value.Pos
		if expect := f.Value.Get("expect"); expect != nil && expect.Pos.IsValid() {
			pos = expect.Pos
		}
		test := protocol.Test{Name: f.Name, Position: b.Files.Position(pos).String()}
		if err := json.Unmarshal(data, &test); err != nil {
			return suite, fmt.Errorf("test %q: %w", f.Name, err)
		}
		suite.Tests = append(suite.Tests, test)
	}
	return suite, nil
}
