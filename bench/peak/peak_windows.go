// Package peak reads how much memory a process took that has ended.
package peak

import "os"

// Memory is 0: Windows does not tell once a process has ended.
func Memory(*os.ProcessState) int64 { return 0 }
