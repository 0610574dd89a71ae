package vet

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"kcue.dev/compiler/lazyregexp"
)

// quantityForm is Kubernetes' quantity (k8s.io/apimachinery,
// pkg/api/resource ParseQuantity): a decimal number with a binary suffix, a
// decimal one, or an exponent. Of anything but an empty text the digits may be
// missing: "Gi" is 0.
var quantityForm = lazyregexp.New(`^([+-]?[0-9]*\.?[0-9]*)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?[0-9]{1,18})?$`)

func isQuantity(text string) bool { return text != "" && quantityForm.MatchString(text) }

func isDuration(text string) bool {
	_, err := time.ParseDuration(text)
	return err == nil
}

// isAmount reports whether Kyverno compares a text by size: as a duration, or
// as a quantity, which a number is too.
func isAmount(text string) bool { return isDuration(text) || isQuantity(text) }

// decimalExponent gives the power of ten of a quantity's decimal suffix.
var decimalExponent = map[string]int{"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}

// binaryExponent gives the power of 1024 of a quantity's binary suffix.
var binaryExponent = map[string]uint{"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}

// maxExponent bounds the numbers that are worth computing.
const maxExponent = 100

// quantity gives the value of a quantity, and false where it is none, or too
// large or small to be meant.
func quantity(text string) (*big.Rat, bool) {
	m := quantityForm.FindStringSubmatch(text)
	if m == nil || len(text) > maxExponent {
		return nil, false
	}
	number, ok := new(big.Rat).SetString(strings.TrimSuffix(m[1], "."))
	if !ok {
		number = new(big.Rat) // there are no digits
	}
	if exponent, ok := binaryExponent[m[2]]; ok {
		scale := new(big.Int).Lsh(big.NewInt(1), 10*exponent)
		return number.Mul(number, new(big.Rat).SetInt(scale)), true
	}
	exponent, ok := decimalExponent[m[2]]
	if !ok {
		var err error
		if exponent, err = strconv.Atoi(m[2][1:]); err != nil || exponent > maxExponent || exponent < -maxExponent {
			return nil, false
		}
	}
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil))
	if exponent < 0 {
		scale.Inv(scale)
	}
	return number.Mul(number, scale), true
}

// isReversed reports whether a range begins above its end.
func isReversed(low, high string) bool {
	if a, err := time.ParseDuration(low); err == nil {
		if b, err := time.ParseDuration(high); err == nil {
			return a > b
		}
	}
	a, ok := quantity(low)
	b, ok2 := quantity(high)
	return ok && ok2 && a.Cmp(b) > 0
}

// units gives what people write for the suffixes of quantities and durations.
// A day and a week are given in hours, since Go's durations end with these.
var units = map[string]struct {
	suffix string
	times  int64
}{
	"kb": {"k", 1}, "mb": {"M", 1}, "gb": {"G", 1}, "tb": {"T", 1},
	"kib": {"Ki", 1}, "mib": {"Mi", 1}, "gib": {"Gi", 1}, "tib": {"Ti", 1},
	"ki": {"Ki", 1}, "mi": {"Mi", 1}, "gi": {"Gi", 1}, "ti": {"Ti", 1}, "pi": {"Pi", 1}, "ei": {"Ei", 1},
	"g": {"G", 1}, "t": {"T", 1}, "p": {"P", 1},
	"s": {"s", 1}, "sec": {"s", 1}, "secs": {"s", 1}, "second": {"s", 1}, "seconds": {"s", 1},
	"min": {"m", 1}, "mins": {"m", 1}, "minute": {"m", 1}, "minutes": {"m", 1},
	"h": {"h", 1}, "hr": {"h", 1}, "hrs": {"h", 1}, "hour": {"h", 1}, "hours": {"h", 1},
	"d": {"h", 24}, "day": {"h", 24}, "days": {"h", 24}, "w": {"h", 168}, "week": {"h", 168}, "weeks": {"h", 168},
}

var amountWithUnit = lazyregexp.New(`^([+-]?[0-9]+(?:\.[0-9]+)?)([A-Za-z]+)$`)

// nearestAmount gives the duration or quantity that a text is likely meant to
// be, or "".
func nearestAmount(text string) string {
	text = strings.ReplaceAll(text, " ", "")
	if text != "" && isAmount(text) {
		return text
	}
	m := amountWithUnit.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	unit, ok := units[strings.ToLower(m[2])]
	if !ok {
		return ""
	}
	if unit.times == 1 {
		return m[1] + unit.suffix
	}
	n, err := strconv.ParseInt(m[1], 10, 32)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(n*unit.times, 10) + unit.suffix
}
