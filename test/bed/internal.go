package bed

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/opsgen/opsgen/test/node"
)

const (
	internal      = "bed-internal"
	stageWarden   = "warden"
	stageSwitch   = "switch"
	stageServices = "services"
	stageNames    = "names"
	// inherited is the descriptor of the pipe that a process of the bed gets from its parent.
	inherited = 3
)

// Internal runs a part of a bed and exits when this process was started as one. Beds start the program that they are
// part of anew, so that no other must be installed: every main, and every TestMain, that uses Up calls this first.
func Internal() {
	if len(os.Args) != 4 || os.Args[1] != internal {
		return
	}
	if err := runInternal(os.Args[2], os.Args[3]); err != nil {
		slog.Error("a part of the bed failed", "part", os.Args[2], "error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runInternal(stage, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch stage {
	case stageWarden:
		return runWarden(ctx, dir)
	case stageSwitch:
		return runSwitch(ctx, dir)
	case stageServices:
		return runServices(ctx, dir)
	case stageNames:
		return nameImages(ctx, dir)
	case node.StageEnter:
		return node.Enter(dir, internal)
	case node.StageInit:
		return node.Init(ctx, dir, os.NewFile(inherited, "link"))
	}
	return fmt.Errorf("a bed has no part %q", stage)
}
