package diag

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestReason(t *testing.T) {
	path := &fs.PathError{Op: "open", Path: "/machine/file", Err: syscall.ENOENT}
	link := &os.LinkError{Op: "rename", Old: "/machine/a", New: "/machine/b", Err: syscall.ENOSPC}
	other := errors.New("other")
	for _, tt := range []struct{ err, want error }{
		{path, syscall.ENOENT},
		{link, syscall.ENOSPC},
		{fmt.Errorf("in words: %w", path), syscall.ENOENT},
		{&fs.PathError{Op: "read", Path: "/machine", Err: path}, syscall.ENOENT},
		{other, other},
		{nil, nil},
	} {
		if got := Reason(tt.err); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
		}
	}
}
