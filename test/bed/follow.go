package bed

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

type watcher = watch.Interface

// follow calls reconcile at once and after each change that open's watch reports, until ctx ends. What fails, as it
// does before the API server answers, is tried again soon: reconcile does all that is to do, whatever changed.
func follow(ctx context.Context, reconcile func() error, open func(meta.ListOptions) (watcher, error)) error {
	const pause = time.Second
	said := ""
	for ctx.Err() == nil {
		err := followOnce(ctx, reconcile, open)
		// That the API server does not answer yet is no news, nor is the same error again.
		if err != nil && ctx.Err() == nil && !errors.Is(err, syscall.ECONNREFUSED) && err.Error() != said {
			said = err.Error()
			slog.Warn("serving the cluster, will try again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

func followOnce(ctx context.Context, reconcile func() error, open func(meta.ListOptions) (watcher, error)) error {
	// The watch begins before the first look, so that no change falls between them.
	changes, err := open(meta.ListOptions{})
	if err != nil {
		return err
	}
	defer changes.Stop()
	for {
		if err := reconcile(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-changes.ResultChan():
			if !open {
				return nil
			}
		}
	}
}
