package fluxprocess

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	apps "k8s.io/api/apps/v1"
	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// Options say which cluster's Flux runs, and where.
type Options struct {
	// Rendered is the cluster's folder "rendered", whose controllers/flux holds the Deployments. The API server has what is
	// in there already: the controllers are its service accounts.
	Rendered string
	// Kubeconfig is the administrator's, who gives the controllers their tokens.
	Kubeconfig string
	// Programs are the paths of the controllers by their names.
	Programs map[string]string
	// Dir is a folder for their files and logs.
	Dir string
	// Address is the loopback address that they listen on.
	Address string
	// Git is the address host:port that serves all repositories, and AuthorityFile the authority of its certificate.
	Git, AuthorityFile string
}

// Flux is the running controllers.
type Flux struct {
	// Controllers are the processes by their Deployments' names.
	Controllers map[string]*Process
	gate        *http.Server
	// memory is a folder in memory, for volumes that are.
	memory string
}

// places are the ports of each controller for metrics and health: two Deployments have an address each, two processes one.
var places = map[string][2]string{"source-controller": {"8080", "9440"}, "kustomize-controller": {"8081", "9441"}}

const artifactsPort = "9090"

// Start starts the controllers and waits until they say that they are ready. They end with the process that started them.
func Start(ctx context.Context, o Options) (*Flux, error) {
	gate, url, err := openGate(ctx, o.Address, o.Git)
	if err != nil {
		return nil, err
	}
	f := &Flux{Controllers: map[string]*Process{}, gate: gate}
	if f.memory, err = os.MkdirTemp("/dev/shm", "flux-"); err != nil {
		return nil, errors.Join(fmt.Errorf("making a folder in memory: %w", err), gate.Close())
	}
	for name, ports := range places {
		process, err := f.start(ctx, o, name, ports, url)
		if err != nil {
			f.Stop()
			return nil, fmt.Errorf("starting %s: %w", name, err)
		}
		f.Controllers[name] = process
	}
	for name, ports := range places {
		if err := f.awaitReady(ctx, name, "http://"+o.Address+":"+ports[1]+"/readyz"); err != nil {
			f.Stop()
			return nil, err
		}
	}
	return f, nil
}

// Stop ends the controllers at once.
func (f *Flux) Stop() {
	for _, p := range f.Controllers {
		_ = p.command.Process.Kill() // It may have ended.
		<-p.ended
	}
	_ = f.gate.Close() // Nobody needs it any more.
	_ = os.RemoveAll(f.memory)
}

func (f *Flux) start(ctx context.Context, o Options, name string, ports [2]string, proxy string) (*Process, error) {
	deployment, err := read(filepath.Join(o.Rendered, "controllers", "flux", "deployment-"+name+".yaml"))
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(o.Dir, name)
	arguments, environment, err := translate(deployment, dir, f.memory)
	if err != nil {
		return nil, err
	}
	// Of two equal flags the last one counts. Outside a cluster a controller does not know where to keep a lease.
	arguments = append(arguments, "--enable-leader-election=false", "--metrics-addr="+o.Address+":"+ports[0], "--health-addr="+o.Address+":"+ports[1])
	if name == "source-controller" {
		at := o.Address + ":" + artifactsPort
		arguments = append(arguments, "--storage-addr="+at, "--storage-adv-addr="+at)
	}
	// Its files of a moment are in its volume at /tmp.
	temporary := dir
	for _, m := range deployment.Spec.Template.Spec.Containers[0].VolumeMounts {
		if m.MountPath == "/tmp" {
			temporary = folder(deployment, dir, f.memory, m.Name)
		}
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	account := deployment.Spec.Template.Spec.ServiceAccountName
	if err := identify(ctx, o.Kubeconfig, deployment.Namespace, account, kubeconfig); err != nil {
		return nil, err
	}
	path, there := o.Programs[name]
	if !there {
		return nil, errors.New("its program is missing")
	}
	command := exec.Command(path, arguments...) //nolint:noctx // It outlives the call.
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + temporary, "KUBECONFIG=" + kubeconfig, "SSL_CERT_FILE=" + o.AuthorityFile,
		"HTTPS_PROXY=" + proxy,
	}, environment...)
	return run(command, filepath.Join(o.Dir, name+".log"))
}

func read(file string) (*apps.Deployment, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a Deployment: %w", err)
	}
	d := &apps.Deployment{}
	if err := yaml.UnmarshalStrict(data, d); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if n := len(d.Spec.Template.Spec.Containers); n != 1 {
		return nil, fmt.Errorf("%s has %d containers, not one", file, n)
	}
	return d, nil
}

// translate answers a container's arguments and environment. Its volumes are folders of dir, or of memory.
func translate(d *apps.Deployment, dir, memory string) (arguments, environment []string, err error) {
	container := d.Spec.Template.Spec.Containers[0]
	var mounts []string
	for _, m := range container.VolumeMounts {
		place := folder(d, dir, memory, m.Name)
		if err := os.MkdirAll(place, 0o700); err != nil {
			return nil, nil, fmt.Errorf("making a volume: %w", err)
		}
		mounts = append(mounts, m.MountPath, place)
	}
	moved := func(value string) string {
		for i := 0; i < len(mounts); i += 2 {
			if rest, found := strings.CutPrefix(value, mounts[i]); found && (rest == "" || rest[0] == '/') {
				return mounts[i+1] + rest
			}
		}
		return value
	}
	var known []string
	for _, e := range container.Env {
		value, err := variable(d, e)
		if err != nil {
			return nil, nil, err
		}
		known = append(known, "$("+e.Name+")", value)
		environment = append(environment, e.Name+"="+moved(value))
	}
	expand := strings.NewReplacer(known...)
	for _, a := range container.Args {
		flag, value, given := strings.Cut(expand.Replace(a), "=")
		if given {
			flag += "=" + moved(value)
		}
		arguments = append(arguments, flag)
	}
	return arguments, environment, nil
}

// folder is where a volume is: below memory when it is of memory in the pod, too, else below dir.
func folder(d *apps.Deployment, dir, memory, volume string) string {
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.Name == volume && v.EmptyDir != nil && v.EmptyDir.Medium == core.StorageMediumMemory {
			return filepath.Join(memory, d.Name, volume)
		}
	}
	return filepath.Join(dir, volume)
}

func variable(d *apps.Deployment, e core.EnvVar) (string, error) {
	switch {
	case e.ValueFrom == nil:
		return e.Value, nil
	case e.ValueFrom.FieldRef != nil && e.ValueFrom.FieldRef.FieldPath == "metadata.namespace":
		return d.Namespace, nil
	}
	return "", fmt.Errorf("the variable %s comes from where a process has nothing", e.Name)
}

// identify writes a kubeconfig with which the caller is a service account, with that account's rights and no others.
func identify(ctx context.Context, administrator, namespace, account, file string) error {
	config, err := clientcmd.BuildConfigFromFlags("", administrator)
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	day := int64(24 * time.Hour / time.Second)
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account,
		&authentication.TokenRequest{Spec: authentication.TokenRequestSpec{ExpirationSeconds: &day}}, meta.CreateOptions{})
	if err != nil {
		return fmt.Errorf("asking for a token of %s/%s: %w", namespace, account, err)
	}
	made := api.NewConfig()
	made.Clusters["bed"] = &api.Cluster{
		Server: config.Host, CertificateAuthority: config.CAFile, CertificateAuthorityData: config.CAData,
	}
	made.AuthInfos["account"] = &api.AuthInfo{Token: token.Status.Token}
	made.Contexts["bed"] = &api.Context{Cluster: "bed", AuthInfo: "account", Namespace: namespace}
	made.CurrentContext = "bed"
	if err := clientcmd.WriteToFile(*made, file); err != nil {
		return fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return nil
}

func (f *Flux) awaitReady(ctx context.Context, name, url string) error {
	for {
		err := get(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-f.Controllers[name].ended:
			return fmt.Errorf("%s ended: %s", name, f.Controllers[name].lastWords())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %s", name, err, f.Controllers[name].lastWords())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

func run(command *exec.Cmd, file string) (*Process, error) {
	log, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting it: %w", err), log.Close())
	}
	p := &Process{command: command, log: file, ended: make(chan struct{})}
	go func() {
		_ = command.Wait() // What it wrote says why.
		_ = log.Close()
		close(p.ended)
	}()
	return p, nil
}
