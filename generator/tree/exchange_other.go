//go:build !linux

package tree

import "errors"

func exchange(string, string) error { return errors.ErrUnsupported }
