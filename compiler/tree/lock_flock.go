//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package tree

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"kcue.dev/diag"
)

// patience is how long a build waits for another: writing a thousand files takes
// a tenth of a second.
const patience = 30 * time.Second

// lock waits until no other build writes a directory, and keeps others waiting
// until unlock is called or the process ends, however it ends. It locks the
// directory itself, so that no file is needed for it. Some file systems, such as
// NFS, cannot do that: locked is false then, and builds may run beside each other.
func lock(dir string) (unlock func(), locked bool, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false, fmt.Errorf("cannot open %s: %w", dir, diag.Reason(err))
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, true, nil
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return func() { f.Close() }, false, nil
		case time.Now().After(deadline):
			f.Close()
			return nil, false, fmt.Errorf("another build has been writing %s for %s: end it, and build again", dir, patience)
		}
	}
}
