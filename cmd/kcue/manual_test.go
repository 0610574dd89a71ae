package main

// notRun lists the commands of the manual that no test can run, and why.
var notRun = map[string]string{
	"go test ./... ./evaluator/...":                          "would run this test",
	"kubectl apply -k deploy":                                "needs a cluster",
	"kustomize build --enable-alpha-plugins --enable-exec .": "needs kustomize: TestKustomizeGenerator runs it",
	"kustomize build --enable-alpha-plugins .":               "needs kustomize: TestContainer runs it",

	"git clone https://kcue.dev kcue":                                           "needs a network",
	"export PATH=\"$PATH:$(go env GOPATH)/bin\"":                                "needs a shell",
	"(cd kcue && go install ./cmd/kcue ./evaluator/cmd/kcue-engine)":            "writes outside of the tests' directories",
	"export CUE_REGISTRY=kcue.dev=registry.acme.example/cue,registry.cue.works": "needs a shell",
	"cue mod publish v0.1.0":                                                    "testdata/script/module_publish.txtar runs it",

	// What needs the engine is run by the scripts of evaluator/cmd/kcue-engine:
	// the light module's tests do not build it.
	"go install ./cmd/kcue ./evaluator/cmd/kcue-engine": "writes outside of the tests' directories",
	"kcue test ./...":                 "needs kcue-engine",
	"kcue test ./examples/...":        "needs kcue-engine",
	"kcue eval -r deploy/ ./policies": "needs kcue-engine",
	"kubectl get pods -A -o json | kcue eval -r - --policy policy.yaml": "needs kcue-engine",
}

// testedElsewhere lists the documents that other tests hold, and where.
var testedElsewhere = map[string]string{
	"docs/diagnostics.md":  "made from diag/table.go, whose examples the compiler's tests compile",
	"docs/ARCHITECTURE.md": "about the code: has no block for users",
	"docs/performance.md":  "figures, measured by go run ./bench and ./bench/cli",
}
