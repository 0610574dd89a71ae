//go:build !linux

package main

// docker stands in for docker where there is chroot; see container_linux_test.go.
func docker() { panic("containers are tested on Linux") }
