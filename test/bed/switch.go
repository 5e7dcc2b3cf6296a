package bed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/node"
)

// A hub is the switch: first process of the bed's namespaces, to which the nodes' are nested, and the bridge between
// the nodes. It forwards to pods and services of the bed and has no other route, which is what keeps a bed hermetic.
type hub struct {
	state  *state
	runner *node.Runner
	// ip is the program that makes links and routes.
	ip string

	mu       sync.Mutex
	machines map[string]*node.Machine
	kwok     bool
	// stopGit ends the Git server; nil: it does not run.
	stopGit context.CancelFunc
}

func runSwitch(ctx context.Context, dir string) error {
	s, err := readState(dir)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.NewFile(inherited, "link")); err != nil {
		return fmt.Errorf("waiting for the link: %w", err)
	}
	runner, err := node.NewRunner(ctx, filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	h := &hub{state: s, runner: runner, machines: map[string]*node.Machine{}}
	processes := []node.Process{{Name: stageServices, Path: "/proc/self/exe", Args: []string{internal, stageServices, dir}}}
	if s.fakeOnly() {
		own, err := s.hostProcesses()
		if err != nil {
			return err
		}
		processes = append(processes, own...)
	} else if err := h.bridge(); err != nil {
		return err
	}
	for _, p := range processes {
		go runner.Keep(ctx, p)
	}
	if len(s.Repositories) > 0 {
		h.startGit(ctx)
	}
	return h.serve(ctx)
}

func (h *hub) bridge() error {
	s := h.state
	var err error
	if h.ip, err = build.FindCommand("ip"); err != nil {
		return fmt.Errorf("making the bridge: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for _, arguments := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", outside.String() + "/32", "dev", "lo"},
		{"link", "add", "nodes", "type", "bridge"},
		{"address", "add", s.gateway().String() + "/24", "dev", "nodes"},
		{"link", "set", "nodes", "up"},
		{"link", "set", "host", "master", "nodes", "up"},
		{"route", "add", s.services().String(), "via", s.node(1).String()},
		{"route", "add", s.balancers().String(), "via", s.node(1).String()},
	} {
		if err := h.runner.Run(h.ip, arguments...); err != nil {
			return err
		}
	}
	for _, setting := range []struct{ name, value string }{
		{"ip_forward", "1"}, {"conf/all/send_redirects", "0"}, {"conf/nodes/send_redirects", "0"},
	} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+setting.name, []byte(setting.value), 0o644); err != nil {
			return fmt.Errorf("setting %s: %w", setting.name, err)
		}
	}
	return nil
}

func (h *hub) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", h.state.socket())
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /nodes/{number}", h.add)
	mux.HandleFunc("DELETE /nodes/{name}", h.remove)
	mux.HandleFunc("GET /nodes", h.list)
	mux.HandleFunc("POST /kwok", func(w http.ResponseWriter, _ *http.Request) {
		if err := h.play(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	if len(h.state.Repositories) > 0 {
		mux.HandleFunc("POST /git", func(http.ResponseWriter, *http.Request) { h.startGit(ctx) })
		mux.HandleFunc("DELETE /git", func(http.ResponseWriter, *http.Request) { h.endGit() })
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

func (h *hub) add(w http.ResponseWriter, r *http.Request) {
	var number int
	if _, err := fmt.Sscan(r.PathValue("number"), &number); err != nil || number < 1 || number > MaxNodes {
		http.Error(w, "no such node", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	name := nodeName(number)
	if _, there := h.machines[name]; there {
		http.Error(w, name+" is there already", http.StatusConflict)
		return
	}
	spec, err := node.ReadSpec(h.state.nodeDir(name))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	m, err := node.Start(h.runner, spec, func(pid int) error { return h.plug(number, pid) }, internal)
	if err != nil {
		slog.Error("a node did not start", "node", name, "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.machines[name] = m
}

// plug connects a node's network namespace.
func (h *hub) plug(number, pid int) error {
	link := nodeName(number)
	// The kernel may not yet have taken the cable of a node that was killed before.
	_ = h.runner.Run(h.ip, "link", "delete", link)
	for _, arguments := range [][]string{
		{"link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", fmt.Sprint(pid)},
		{"link", "set", link, "master", "nodes", "up"},
		{"route", "replace", h.state.podsOf(number).String(), "via", h.state.node(number).String()},
	} {
		if err := h.runner.Run(h.ip, arguments...); err != nil {
			return err
		}
	}
	return nil
}

// play starts what plays fake nodes beside real ones, once.
func (h *hub) play(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kwok {
		return nil
	}
	process, err := h.state.kwok().Process()
	if err != nil {
		return fmt.Errorf("preparing fake nodes: %w", err)
	}
	h.kwok = true
	go h.runner.Keep(ctx, process)
	return nil
}

// remove takes a node's power. Its folder stays, as a disk does, with its logs and volumes.
func (h *hub) remove(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, there := h.machines[r.PathValue("name")]
	if !there {
		http.Error(w, "no real node of that name runs", http.StatusNotFound)
		return
	}
	delete(h.machines, m.Spec.Name)
	if err := errors.Join(m.Kill(), node.RemoveCgroups(r.Context(), m.Spec)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (h *hub) list(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	alive := map[string]int{}
	for name, m := range h.machines {
		if unix.Kill(m.PID, 0) == nil {
			alive[name] = m.PID
		}
	}
	if err := json.NewEncoder(w).Encode(alive); err != nil {
		slog.Error("listing nodes", "error", err)
	}
}
