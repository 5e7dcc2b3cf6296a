package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// command is a process of a story whose output the story can look at.
func command(ts *testscript.TestScript, args []string, environment ...string) *exec.Cmd {
	program, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	for _, key := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "GOPROXY", "GOSUMDB", "GOENV", "PATH", "TMPDIR", "OPSGEN_CACHE_DIR"} {
		cmd.Env = append(cmd.Env, key+"="+ts.Getenv(key))
	}
	cmd.Env = append(cmd.Env, environment...)
	return cmd
}

// interrupted SIGNAL CODE COMMAND... sends a signal (INT or TERM) to a command while it waits for a download that does
// not come, and asks for the exit code.
func interrupted(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}
	if len(args) < 3 || signals[args[0]] == 0 {
		ts.Fatalf("usage: interrupted INT|TERM CODE COMMAND [ARGUMENT...]")
	}
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	cmd := command(ts, args[2:], "GOPROXY="+server.URL)
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-asked:
		ts.Check(cmd.Process.Signal(signals[args[0]]))
		wantExit(ts, args[1], <-ended)
	case err := <-ended:
		ts.Fatalf("it ended before it asked for a download: %v", err)
	}
}

// killed DIR COMMAND... kills a command at the moment that it begins to write the tree of the cluster in DIR.
func killed(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: killed DIR COMMAND [ARGUMENT...]")
	}
	watcher, err := fsnotify.NewWatcher()
	ts.Check(err)
	defer watcher.Close()
	ts.Check(watcher.Add(ts.MkAbs(args[0])))
	cmd := command(ts, args[1:])
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case event := <-watcher.Events:
			if event.Has(fsnotify.Create) && strings.HasPrefix(filepath.Base(event.Name), ".rendered-") {
				ts.Check(cmd.Process.Kill())
				if err := <-ended; err == nil {
					ts.Fatalf("it was not killed: it had ended")
				}
				return
			}
		case err := <-ended:
			ts.Fatalf("it ended before it wrote: %v", err)
		}
	}
}

// busy DIR CODE COMMAND... runs a command while another program holds the lock of the cluster in DIR.
func busy(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: busy DIR CODE COMMAND [ARGUMENT...]")
	}
	folder, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer folder.Close()
	ts.Check(unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	wantExit(ts, args[1], command(ts, args[2:]).Run())
}

// nobody is the user that owns nothing.
const nobody = 65534

// unprivileged CODE COMMAND... runs a command as a user who may read everything here but write only where everybody may.
// The user root may write anywhere, and many containers run tests as root.
func unprivileged(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: unprivileged CODE COMMAND [ARGUMENT...]")
	}
	cmd := command(ts, args[1:])
	if os.Getuid() == 0 {
		cmd.Path = reachable(ts, cmd.Path)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	wantExit(ts, args[0], cmd.Run())
}

// reachable copies a program into the story's folder, and lets every user pass to it from the folder for temporary files.
func reachable(ts *testscript.TestScript, program string) string {
	work := ts.Getenv("WORK")
	for dir := work; dir != filepath.Clean(os.TempDir()) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		ts.Check(err)
		ts.Check(os.Chmod(dir, info.Mode().Perm()|0o055))
	}
	copied := filepath.Join(work, ".bin", filepath.Base(program))
	ts.Check(os.MkdirAll(filepath.Dir(copied), 0o755))
	in, err := os.Open(program)
	ts.Check(err)
	defer in.Close()
	out, err := os.OpenFile(copied, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	ts.Check(err)
	_, err = io.Copy(out, in)
	ts.Check(errors.Join(err, out.Close()))
	return copied
}

// registry REPOSITORY:TAG... starts a registry with these images, and sets REGISTRY to its address and DIGEST to the
// images' digest.
func startRegistry(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(registry.New())
	ts.Defer(server.Close)
	address := server.Listener.Addr().(*net.TCPAddr).String()
	digest, err := empty.Image.Digest()
	ts.Check(err)
	for _, image := range args {
		tag, err := name.NewTag(address + "/" + image)
		ts.Check(err)
		ts.Check(remote.Write(tag, empty.Image))
	}
	ts.Setenv("REGISTRY", address)
	ts.Setenv("DIGEST", digest.String())
}
