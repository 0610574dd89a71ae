package diag

// Nearest gives the candidate that name is most likely a slip for, and ""
// where none is near: an edit distance of at most a third of the name, at
// least one and at most three. Ties go to the earlier candidate.
func Nearest(name string, candidates []string) string {
	limit := min(max(len(name)/3, 1), 3)
	best, bestDistance := "", limit+1
	for _, c := range candidates {
		if c == name {
			continue
		}
		if d := distance(name, c, bestDistance); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, substitutions and swaps of
// neighbours between two names (optimal string alignment), or limit where it
// is not less.
func distance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit || len(a) > 256 || len(b) > 256 {
		return limit
	}
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if lower(a[i-1]) == lower(b[j-1]) {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return min(previous[len(b)], limit)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
