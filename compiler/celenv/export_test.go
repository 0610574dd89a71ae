package celenv

// Decode reads the embedded table anew.
func Decode() (*Environments, error) {
	table, err := decode(embedded)
	if err != nil {
		return nil, err
	}
	return New(table), nil
}
