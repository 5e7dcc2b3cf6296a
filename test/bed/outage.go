package bed

import (
	"context"
	"net/http"
)

// StopGit ends the Git server, as an outage of the host does: nothing listens there any more. What was pushed stays, and
// pushing goes on working, since Repository answers a folder.
func (b *Bed) StopGit(ctx context.Context) error {
	return b.state.call(ctx, http.MethodDelete, "/git", nil)
}

// StartGit ends the outage that StopGit began. A server that runs already is no error.
func (b *Bed) StartGit(ctx context.Context) error {
	return b.state.call(ctx, http.MethodPost, "/git", nil)
}

func (h *hub) startGit(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopGit != nil {
		return
	}
	ctx, h.stopGit = context.WithCancel(ctx)
	go h.runner.Keep(ctx, h.state.gitProcess())
}

func (h *hub) endGit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopGit != nil {
		h.stopGit()
		h.stopGit = nil
	}
}
