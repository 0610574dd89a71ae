//go:build unix

package diag_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"kcue.dev/diag"
)

// TestFileSourceFIFO holds that no excerpt is read from a FIFO: reading it might
// never end.
func TestFileSourceFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.cue"), 0o666); err != nil {
		t.Fatal(err)
	}
	if data, ok := diag.FileSource(dir)("pipe.cue"); ok {
		t.Errorf("a FIFO reads as %.20q", data)
	}
}
