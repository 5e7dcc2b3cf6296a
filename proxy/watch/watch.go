package watch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long events are gathered before they are told: an update of a mounted folder is several.
const settle = 50 * time.Millisecond

// Watcher watches a set of files and folders.
type Watcher struct {
	events  *fsnotify.Watcher
	watched map[string]bool
	poll    time.Duration
}

// New makes a watcher that also tells of a possible change after each poll interval. The error is the system's, such as
// too many watches.
func New(poll time.Duration) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching files: %w", err)
	}
	return &Watcher{events: events, watched: map[string]bool{}, poll: poll}, nil
}

// Close ends the watching; Run must have returned or be about to.
func (w *Watcher) Close() error { return w.events.Close() }

// Set says which files and folders are watched from now on. What cannot be watched is left to the poll. It is called
// before Run or from within changed.
func (w *Watcher) Set(paths []string) {
	wanted := map[string]bool{}
	for _, path := range paths {
		wanted[filepath.Dir(path)] = true
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			wanted[path] = true
		}
	}
	for folder := range w.watched {
		if !wanted[folder] {
			_ = w.events.Remove(folder) // a folder that went away is not watched any more
			delete(w.watched, folder)
		}
	}
	// A folder that was removed and made again has lost its watch without a word; adding it twice does no harm.
	for folder := range wanted {
		if w.events.Add(folder) == nil {
			w.watched[folder] = true
		}
	}
}

// Run calls changed, from one goroutine, whenever files may have changed, until ctx ends.
func (w *Watcher) Run(ctx context.Context, changed func()) {
	ticker := time.NewTicker(w.poll)
	defer ticker.Stop()
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-w.events.Events:
			if !open {
				return
			}
			if settled == nil {
				settled = time.After(settle)
			}
		case _, open := <-w.events.Errors: // an overflow of the queue: something changed
			if !open {
				return
			}
			if settled == nil {
				settled = time.After(settle)
			}
		case <-settled:
			settled = nil
			changed()
		case <-ticker.C:
			changed()
		}
	}
}
