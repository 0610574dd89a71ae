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

	// docs/install.md: what installs writes outside of the tests' directories,
	// and needs tools that are not everywhere.
	"go install kcue.dev/cmd/kcue@latest":                                                           "needs a published version",
	"goreleaser release --snapshot --clean --skip=publish":                                          "needs GoReleaser; TestRelease reads its configuration",
	"sha256sum --check --ignore-missing checksums.txt":                                              "needs a release",
	`ln -s "$(command -v kcue)" /usr/local/bin/kubectl-kcue`:                                        "needs a shell; testdata/script/plugin_name.txtar has the name",
	"kubectl kcue build ./examples/...":                                                             "needs kubectl; testdata/script/plugin_name.txtar runs the plugin",
	"kubectl krew install --manifest=dist/krew/kcue.yaml":                                           "needs Krew and a release",
	"docker build -f Containerfile -t kcue .":                                                       "needs docker; TestContainerfile reads the file",
	"docker build -f Containerfile -t kcue-full --target kcue-full .":                               "needs docker; TestContainerfile reads the file",
	`docker run --rm --network none --read-only --cap-drop ALL -v "$PWD:/work:ro" kcue build ./...`: "needs docker",
	`docker run --rm --network none --read-only --cap-drop ALL --user "$(id -u):$(id -g)" -v "$PWD:/work" kcue build --out-dir deploy ./...`: "needs docker",
	"kcue completion bash > /etc/bash_completion.d/kcue":          "needs a shell; testdata/script/completion.txtar runs it",
	`kcue completion zsh > "${fpath[1]}/_kcue"`:                   "needs a shell; testdata/script/completion.txtar runs it",
	"kcue completion fish > ~/.config/fish/completions/kcue.fish": "needs a shell; testdata/script/completion.txtar runs it",
	"kcue completion powershell >> $PROFILE":                      "needs a shell; testdata/script/completion.txtar runs it",
	"install -m 644 docs/man/*.1 /usr/local/share/man/man1/":      "writes outside of the tests' directories; TestManPages holds the pages",
	"man kcue-build": "needs man",

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
	"docs/cli.md":          "made from the commands' own texts by TestCLIReference; TestExamples parses their examples",
	"docs/ARCHITECTURE.md": "about the code: has no block for users",
	"docs/performance.md":  "figures, measured by go run ./bench and ./bench/cli",
}
