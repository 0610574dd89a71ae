//go:build !linux

package main

// growByHugePages does nothing where the kernel takes no advice about pages.
func growByHugePages(int) {}
