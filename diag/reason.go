package diag

import (
	"errors"
	"io/fs"
	"os"
)

// Reason gives an error of the file system without the operation and the paths:
// a diagnostic, or whoever reports the error, names the file in the user's words.
func Reason(err error) error {
	for {
		var path *fs.PathError
		var link *os.LinkError
		switch {
		case errors.As(err, &path):
			err = path.Err
		case errors.As(err, &link):
			err = link.Err
		default:
			return err
		}
	}
}
