package vet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/diag"
)

// cronField is one of the five fields of a schedule. The names are those that
// both of Kyverno's parsers know.
type cronField struct {
	name     string
	min, max int
	names    []string // of min, min+1, …
}

var cronFields = []cronField{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of the week", 0, 6, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// cronAliases lists the names for schedules that both parsers know.
var cronAliases = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"}

// schedule checks when a cleanup policy runs. Kyverno's webhook reads the
// schedule with github.com/robfig/cron ParseStandard and its controller with
// github.com/aptible/supercronic/cronexpr (api/kyverno/v2/cleanup_policy_types.go):
// what only the webhook takes never runs.
func (c *checker) schedule(at value) {
	if at.Str() == "" || isVariable(at.Text) {
		return // the CRD's business, or not known
	}
	if problem, hint := scheduleProblem(at.Text); problem != "" {
		c.error(diag.Schedule, at, problem, hint)
	}
}

// scheduleProblem says what is wrong with a schedule, or gives "".
func scheduleProblem(text string) (problem, hint string) {
	if strings.HasPrefix(text, "@") {
		for _, alias := range cronAliases {
			if text == alias {
				return "", ""
			}
		}
		switch {
		case text == "@midnight":
			return `Kyverno's webhook takes "@midnight", and its controller does not know it: the policy never runs`, `did you mean "@daily"?`
		case strings.HasPrefix(text, "@every"):
			return fmt.Sprintf("Kyverno's webhook takes %q, and its controller does not know it: the policy never runs", text), "write the fields, such as \"*/15 * * * *\""
		}
		return fmt.Sprintf("%q is no schedule: expected five fields, or one of %s", text, strings.Join(cronAliases, ", ")), didYouMean(text, cronAliases)
	}
	fields := strings.Fields(text)
	if len(fields) != len(cronFields) {
		hint := `such as "0 7 * * *", at seven every day`
		if len(fields) == len(cronFields)+1 {
			hint = "Kyverno's schedules have neither seconds nor years"
		}
		return fmt.Sprintf("the schedule has %d fields: expected minute, hour, day of the month, month and day of the week", len(fields)), hint
	}
	sets := make([]uint64, len(fields))
	for i, f := range fields {
		set, problem, hint := cronFields[i].parse(f)
		if problem != "" {
			return problem, hint
		}
		sets[i] = set
	}
	return noSuchDay(fields, sets)
}

// cronRange is a value, a range, or *, with a step or without.
var cronRange = lazyregexp.New(`^(\*|\?|[0-9]+|[A-Za-z]+)(?:-([0-9]+|[A-Za-z]+))?(?:/([0-9]+))?$`)

// parse gives the set of a field's values.
func (f cronField) parse(text string) (set uint64, problem, hint string) {
	expected := fmt.Sprintf("expected %d to %d, *, ranges such as %d-%d, steps such as */5, or a list of these", f.min, f.max, f.min, f.min+2)
	fail := func(format string, args ...any) (uint64, string, string) {
		return 0, fmt.Sprintf("the %s %q ", f.name, text) + fmt.Sprintf(format, args...), ""
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
	if len(parts) == 0 {
		return fail("is none: %s", expected)
	}
	for _, part := range parts {
		m := cronRange.FindStringSubmatch(part)
		if m == nil {
			return fail("is none: %s", expected)
		}
		low, high, step := f.min, f.max, 1
		if m[1] == "*" || m[1] == "?" {
			if m[2] != "" || m[1] == "?" && m[3] != "" {
				return fail("is none: %s", expected)
			}
		} else {
			var ok bool
			if low, ok = f.value(m[1]); !ok {
				return fail("is none: %s", expected)
			}
			if high = low; m[3] != "" {
				high = f.max
			}
			if m[2] != "" {
				if high, ok = f.value(m[2]); !ok {
					return fail("is none: %s", expected)
				}
			}
		}
		if m[3] != "" {
			n, err := strconv.Atoi(strings.TrimLeft(m[3], "0"))
			if err != nil || n > f.max || len(m[3]) > 2 {
				return fail("has the step %s: expected 1 to %d", m[3], f.max)
			}
			step = n
		}
		if low > high {
			return fail("is a range that begins after its end")
		}
		for v := low; v <= high; v += step {
			set |= 1 << v
		}
	}
	return set, "", ""
}

// value reads a number or a name.
func (f cronField) value(text string) (int, bool) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + i, true
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && len(text) <= 2 && f.min <= n && n <= f.max
}

// monthDays are the days that each month can have.
var monthDays = [...]int{1: 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// noSuchDay reports a day that none of the months has. Kyverno's controller
// takes the time that never comes for one that is past, and deletes at once,
// again and again (pkg/controllers/cleanup/controller.go).
func noSuchDay(fields []string, sets []uint64) (problem, hint string) {
	const day, month, weekday = 2, 3, 4
	if !slices.ContainsFunc(strings.Split(fields[weekday], ","), func(part string) bool { return part == "*" || part == "?" }) {
		return "", "" // the days of the week count besides
	}
	for m := 1; m <= 12; m++ {
		if sets[month]&(1<<m) == 0 {
			continue
		}
		for d := 1; d <= monthDays[m]; d++ {
			if sets[day]&(1<<d) != 0 {
				return "", ""
			}
		}
	}
	return fmt.Sprintf("no month of the schedule has the day %s: Kyverno would not wait, and delete at once, again and again", fields[day]), ""
}
