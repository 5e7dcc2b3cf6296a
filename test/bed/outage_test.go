package bed

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestGitOutage ends the Git server and starts it again, as a node sees it.
func TestGitOutage(t *testing.T) {
	o := Options{Name: "outage", Nodes: 1, Repositories: []string{"https://github.com/acme/observability"}}
	// The first of these tests to need programs: with nothing in the cache they take longer than the rest may.
	if _, err := ensurePrograms(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b, err := Up(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	connect := func(ctx context.Context) error {
		command, err := b.Command(ctx, nodeName(1), "bash", "-c", "exec 3<>/dev/tcp/"+outside.String()+"/443")
		if err != nil {
			return err
		}
		return command.Run()
	}
	refused := func(ctx context.Context) error {
		if connect(ctx) == nil {
			return errors.New("it still answers")
		}
		return nil
	}
	for _, step := range []struct {
		what   string
		do     func(context.Context) error
		expect func(context.Context) error
	}{
		{"the Git server", func(context.Context) error { return nil }, connect},
		{"its end", b.StopGit, refused},
		{"its end, asked for twice", b.StopGit, refused},
		{"its return", b.StartGit, connect},
		{"its return, asked for twice", b.StartGit, connect},
	} {
		if err := step.do(ctx); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if err := await(ctx, step.what, step.expect); err != nil {
			t.Fatal(err)
		}
	}
}
