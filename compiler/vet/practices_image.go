package vet

import (
	"slices"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// images looks at how the rules of a policy tell images apart.
func (c *checker) images(rules []value) {
	var all []imagePattern
	for _, r := range rules {
		asked := imagePatterns(r.get("validate"))
		c.openImagePattern(r, asked)
		c.implicitRegistry(r, asked)
		all = append(all, asked...)
	}
	c.latestTag(rules, all)
}

// imagePattern is one pattern of an image's name, or several joined by "|" and
// "&" (pkg/engine/pattern/pattern.go).
type imagePattern struct{ value }

// imagePatterns gives the patterns that a validate rule asks images to have.
// Those under a conditional anchor choose what is checked.
func imagePatterns(v value) []imagePattern {
	var out []imagePattern
	for _, p := range patterns(v) {
		out = append(out, imagePatternsIn(p)...)
	}
	for _, f := range v.get("foreach").items() {
		out = append(out, imagePatterns(f)...)
	}
	return out
}

func imagePatternsIn(p value) []imagePattern {
	var out []imagePattern
	for _, m := range append(p.members(), p.items()...) {
		switch {
		case isCondition(m.name):
		case bareKey(m.name) == "image" && m.Kind == spec.String:
			out = append(out, imagePattern{m})
		default:
			out = append(out, imagePatternsIn(m)...)
		}
	}
	return out
}

// alternatives gives the parts of a pattern, of which one must hold, and of
// each the parts that must all hold.
func (p imagePattern) alternatives() [][]string {
	var out [][]string
	for _, alternative := range strings.Split(p.Text, "|") {
		var all []string
		for _, part := range strings.Split(alternative, "&") {
			all = append(all, strings.TrimSpace(part))
		}
		out = append(out, all)
	}
	return out
}

var (
	// openHost is a registry's host with a wildcard where its slash belongs.
	openHost = lazyregexp.New(`^([a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?)\*`)
	// leadingWildcard is a wildcard before a registry's host.
	leadingWildcard = lazyregexp.New(`^\*(\.?)([a-z0-9-]+(?:\.[a-z0-9-]+)+)(:[0-9]+)?/`)
	// openAccount is a name on a registry that anyone may have one on, with a
	// wildcard where its slash belongs.
	openAccount = lazyregexp.New(`^((?:(?:[a-z]+\.)?gcr\.io|ghcr\.io|quay\.io|(?:index\.)?docker\.io|registry\.gitlab\.com|public\.ecr\.aws)/[^/*?:@]+)\*`)
)

// openness says what stranger's image a part of a pattern takes, or "". A
// name's path may look like a host, but has no port
// (github.com/distribution/reference).
func openness(part string) string {
	if m := openHost.FindStringSubmatch(part); m != nil {
		return m[1] + ".evil.example/app"
	}
	if m := leadingWildcard.FindStringSubmatch(part); m != nil {
		switch {
		case m[1] == "":
			return "evil-" + m[2] + m[3] + "/app"
		case m[3] == "":
			return "evil.example/x." + m[2] + "/app"
		}
	}
	if m := openAccount.FindStringSubmatch(part); m != nil {
		return m[1] + "-evil/app"
	}
	return ""
}

// openImagePattern warns of a pattern of trusted images that takes those of a
// stranger: a wildcard has any characters, dots and slashes among them
// (ext/wildcard, github.com/IGLOU-EU/go-wildcard).
func (c *checker) openImagePattern(r value, asked []imagePattern) {
	for _, p := range asked {
		for _, all := range p.alternatives() {
			asked := slices.DeleteFunc(slices.Clone(all), func(part string) bool { return strings.HasPrefix(part, "!") })
			if len(asked) == 0 || slices.ContainsFunc(asked, func(part string) bool { return part != "*" && openness(part) == "" }) {
				continue
			}
			if stranger := openness(asked[0]); stranger != "" {
				c.open(p.value, asked[0], stranger)
				return
			}
			if len(all) == 1 && len(p.alternatives()) > 1 {
				c.warn(diag.OpenImagePattern, p.value, `has the alternative "*", which takes every image: the others say nothing`, "leave it out")
				return
			}
		}
	}
	for _, v := range r.get("verifyImages").items() {
		for _, skipped := range v.get("skipImageReferences").items() {
			if stranger := openness(skipped.Str()); stranger != "" {
				c.open(skipped, skipped.Str(), stranger)
				return
			}
		}
	}
	c.openCondition(r)
}

func (c *checker) open(at value, pattern, stranger string) {
	hint := "end the host, or the account, with a slash before the wildcard"
	if strings.HasPrefix(pattern, "*") {
		hint = "begin with the registry's host, written out"
	}
	c.warn(diag.OpenImagePattern, at, "the pattern "+quoted(pattern)+" takes "+stranger+" too", hint)
}

func quoted(s string) string { return `"` + s + `"` }

// rawImage finds an image's name as it is written in a Pod, in the key of a
// condition. The variable images holds names in full.
var rawImage = lazyregexp.New(`\b(element|containers\[[^\]]*\])\.image\b`)

// deniedConditions gives the conditions of a deny, or of a foreach's, and what
// holds them: old policies list conditions without any and all.
func deniedConditions(v value) []value {
	var out []value
	collect := func(conditions value) {
		for _, list := range append([]value{conditions}, conditions.items()...) {
			out = append(out, list.get("any").items()...)
			out = append(out, list.get("all").items()...)
			out = append(out, list)
		}
	}
	collect(v.down("deny", "conditions"))
	for _, f := range v.get("foreach").items() {
		collect(f.down("deny", "conditions"))
	}
	return out
}

// openCondition warns of the same in a deny that names what is trusted.
func (c *checker) openCondition(r value) {
	for _, condition := range deniedConditions(r.get("validate")) {
		switch condition.get("operator").Str() {
		case "AnyNotIn", "AllNotIn", "NotIn", "NotEquals", "NotEqual":
		default:
			continue
		}
		if key := condition.get("key").Str(); !rawImage.MatchString(key) && !strings.Contains(key, "images.") {
			continue
		}
		values := condition.get("value")
		for _, v := range append([]value{values}, values.items()...) {
			if stranger := openness(v.Str()); stranger != "" {
				c.open(v, v.Str(), stranger)
				return
			}
		}
	}
}

// latestTag warns of a policy that asks for the tag latest, or refuses it by
// name alone: an image without a tag is latest too.
func (c *checker) latestTag(rules []value, asked []imagePattern) {
	var refused *imagePattern
	tagged := false
	for _, p := range asked {
		for _, part := range slices.Concat(p.alternatives()...) {
			switch {
			case strings.HasPrefix(part, "!"):
				if strings.HasSuffix(part, ":latest") && refused == nil {
					refused = &p
				}
			case strings.HasSuffix(part, ":latest"):
				c.warn(diag.LatestTag, p.value, "takes images by the tag latest, which is another image tomorrow", "ask for a version, or a digest: *:v* or *@sha256:*")
				return
			case strings.ContainsAny(part, ":@"):
				tagged = true
			}
		}
	}
	if refused == nil || tagged {
		return
	}
	for _, r := range rules {
		for _, elsewhere := range []string{".tag", ".digest", "*:*"} {
			if mentions(r.get("validate"), elsewhere) {
				return
			}
		}
	}
	c.warn(diag.LatestTag, refused.value, "refuses the tag latest and takes an image without a tag, which is latest too", `ask for a tag as well: "*:* & !*:latest"`)
}

// implicitRegistry warns of a rule that refuses images of Docker Hub by the
// name of its registry, which images need not have: nginx is
// docker.io/library/nginx. Kyverno fills it in for the variable images
// (pkg/utils/image) and for verifyImages, and not for what a Pod says.
func (c *checker) implicitRegistry(r value, asked []imagePattern) {
	const message = "an image without a registry comes from docker.io and passes, nginx for one: the field holds what its author wrote"
	const hint = `compare {{ images.containers.*.registry }}, where Kyverno has filled it in; or name the registries that are allowed`
	for _, p := range asked {
		for _, all := range p.alternatives() {
			if slices.ContainsFunc(all, refusesDockerHub) && !slices.ContainsFunc(all, func(part string) bool { return !strings.HasPrefix(part, "!") }) {
				c.warn(diag.ImplicitRegistry, p.value, message, hint)
				return
			}
		}
	}
	for _, condition := range deniedConditions(r.get("validate")) {
		switch condition.get("operator").Str() {
		case "Equals", "Equal", "AnyIn", "AllIn", "In":
		default:
			continue
		}
		values := condition.get("value")
		docker := slices.ContainsFunc(append([]value{values}, values.items()...), func(v value) bool { return isDockerHub(v.Str()) })
		if rawImage.MatchString(condition.get("key").Str()) && docker {
			c.warn(diag.ImplicitRegistry, values, message, hint)
			return
		}
	}
}

func refusesDockerHub(part string) bool {
	rest, negated := strings.CutPrefix(part, "!")
	return negated && isDockerHub(rest)
}

func isDockerHub(pattern string) bool {
	return strings.HasPrefix(pattern, "docker.io/") || strings.HasPrefix(pattern, "docker.io*") || strings.HasPrefix(pattern, "index.docker.io/")
}
