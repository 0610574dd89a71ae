//go:build unix

package load

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTreeFIFO holds that a FIFO is refused: reading it might never end.
func TestTreeFIFO(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(root, "fifo.cue"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, root).Open(slashPath(root + "/fifo.cue")); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a FIFO: got %v", err)
	}
}
