package story

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/opsgen/opsgen/test/image"
)

// Folders that every guest has.
const (
	// scratch is where it may write.
	scratch = "/data"
	// authority is the file with the authority of the front door's certificate; programs in Go are told to trust it.
	authority = "/etc/authority/ca.crt"
	// podToken is its service account's token for the proxy, if it is to have one.
	podToken = "/var/run/secrets/proxy/token"
)

// A Guest is a pod of a story, beside the bundle.
type Guest struct {
	Namespace, Name string
	// Account is the pod's service account, which is made when it is not there. Empty: the namespace's own.
	Account string
	// Labels are the pod's.
	Labels map[string]string
	// Files are what it finds, by their paths. A folder holds nothing else.
	Files map[string]string
	// Containers are what runs. They get the folders, and trust the front door's authority.
	Containers []core.Container
	// Shows makes a token of its account for the proxy: podToken.
	Shows bool
}

// shell is a container that waits to be told what to do.
func shell() core.Container {
	return core.Container{Name: "shell", Image: image.Shell, Command: []string{"/bin/sh", "-c", "exec sleep 100000"}}
}

// Invite makes guests, with their namespaces and accounts, and waits until they are ready.
func (s *Story) Invite(ctx context.Context, guests ...Guest) error {
	for _, g := range guests {
		if err := s.prepare(ctx, g); err != nil {
			return fmt.Errorf("inviting %s/%s: %w", g.Namespace, g.Name, err)
		}
	}
	for _, g := range guests {
		if err := s.arrived(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (s *Story) prepare(ctx context.Context, g Guest) error {
	there := func(err error) error {
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	}
	name := meta.ObjectMeta{Name: g.Name, Labels: g.Labels}
	api := s.Client.CoreV1()
	_, err := api.Namespaces().Create(ctx, &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: g.Namespace}}, meta.CreateOptions{})
	if err := there(err); err != nil {
		return err
	}
	// The namespace's own account comes a moment after it.
	for g.Account == "" {
		if _, err := api.ServiceAccounts(g.Namespace).Get(ctx, "default", meta.GetOptions{}); err == nil {
			break
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for the namespace's account: %w", err)
		}
	}
	if g.Account != "" {
		account := &core.ServiceAccount{ObjectMeta: meta.ObjectMeta{Name: g.Account}}
		if _, err = api.ServiceAccounts(g.Namespace).Create(ctx, account, meta.CreateOptions{}); there(err) != nil {
			return err
		}
	}
	ca, err := api.Secrets("proxy").Get(ctx, "proxy-tls", meta.GetOptions{})
	if err != nil {
		return err
	}
	files := map[string]string{authority: string(ca.Data["ca.crt"])}
	for file, text := range g.Files {
		files[file] = text
	}
	secret := &core.Secret{ObjectMeta: name, StringData: map[string]string{}}
	for file, text := range files {
		secret.StringData[key(file)] = text
	}
	if _, err := api.Secrets(g.Namespace).Create(ctx, secret, meta.CreateOptions{}); there(err) != nil {
		return err
	}
	_, err = api.Pods(g.Namespace).Create(ctx, &core.Pod{ObjectMeta: name, Spec: s.spec(g, files)}, meta.CreateOptions{})
	return there(err)
}

func key(file string) string { return strings.ReplaceAll(strings.TrimPrefix(file, "/"), "/", "-") }

// spec is a pod's. Names of the cluster's domain lead to the load balancer, as they would by DNS.
func (s *Story) spec(g Guest, files map[string]string) core.PodSpec {
	now, yes, no := int64(0), true, false
	spec := core.PodSpec{
		ServiceAccountName: g.Account, TerminationGracePeriodSeconds: &now,
		SecurityContext: &core.PodSecurityContext{
			RunAsNonRoot: &yes, SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault},
		},
		Volumes: []core.Volume{{Name: "scratch", VolumeSource: core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{}}}},
	}
	mounts := []core.VolumeMount{{Name: "scratch", MountPath: scratch}}
	alias := core.HostAlias{IP: s.Door.Address}
	for _, host := range []string{"metrics", "logs", "otlp"} {
		alias.Hostnames = append(alias.Hostnames, host+"."+s.Domain)
	}
	spec.HostAliases = []core.HostAlias{alias}
	folders := map[string]*core.SecretVolumeSource{}
	for file := range files {
		folder := path.Dir(file)
		if folders[folder] == nil {
			folders[folder] = &core.SecretVolumeSource{SecretName: g.Name}
			mounts = append(mounts, core.VolumeMount{Name: key(folder), MountPath: folder, ReadOnly: true})
		}
		folders[folder].Items = append(folders[folder].Items, core.KeyToPath{Key: key(file), Path: path.Base(file)})
	}
	for folder, source := range folders {
		spec.Volumes = append(spec.Volumes, core.Volume{Name: key(folder), VolumeSource: core.VolumeSource{Secret: source}})
	}
	if g.Shows {
		lifetime := int64(3600)
		spec.Volumes = append(spec.Volumes, core.Volume{Name: "token", VolumeSource: core.VolumeSource{
			Projected: &core.ProjectedVolumeSource{Sources: []core.VolumeProjection{{
				ServiceAccountToken: &core.ServiceAccountTokenProjection{
					Audience: "opsgen-proxy", ExpirationSeconds: &lifetime, Path: path.Base(podToken),
				},
			}}},
		}})
		mounts = append(mounts, core.VolumeMount{Name: "token", MountPath: path.Dir(podToken), ReadOnly: true})
	}
	for _, c := range g.Containers {
		c.VolumeMounts = mounts
		// Pod Security's level "restricted" admits it: the bundle's namespaces enforce that.
		c.SecurityContext = &core.SecurityContext{
			AllowPrivilegeEscalation: &no, Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}},
		}
		c.Env = append(c.Env, core.EnvVar{Name: "SSL_CERT_FILE", Value: authority})
		spec.Containers = append(spec.Containers, c)
	}
	return spec
}

func (s *Story) arrived(ctx context.Context, g Guest) error {
	for {
		pod, err := s.Client.CoreV1().Pods(g.Namespace).Get(ctx, g.Name, meta.GetOptions{})
		if err == nil {
			for _, c := range pod.Status.Conditions {
				if c.Type == core.PodReady && c.Status == core.ConditionTrue {
					return nil
				}
			}
			err = fmt.Errorf("%s: %+v", waiting(pod), pod.Status.ContainerStatuses)
		}
		if pause(ctx, 200*time.Millisecond) != nil {
			return fmt.Errorf("waiting for %s/%s: %w", g.Namespace, g.Name, err)
		}
	}
}

// Kubectl calls the program that people use.
func (s *Story) Kubectl(ctx context.Context, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, s.kubectl, append([]string{"--kubeconfig=" + s.Bed.Kubeconfig()}, arguments...)...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %.500s", strings.Join(arguments, " "), err, out.String())
	}
	return out.String(), nil
}

// Fetch calls an address from a guest's shell, and answers what was answered. Arguments are those of parts/fetch.
func (s *Story) Fetch(ctx context.Context, namespace, pod string, arguments ...string) (string, error) {
	return s.Kubectl(ctx, append([]string{"--namespace=" + namespace, "exec", pod, "--container=shell", "--", "fetch"}, arguments...)...)
}

// pause waits, or answers why it cannot.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// serves is a probe of a container that answers HTTP.
func serves(path string, port int32) *core.Probe {
	return &core.Probe{PeriodSeconds: 1, FailureThreshold: 120, ProbeHandler: core.ProbeHandler{
		HTTPGet: &core.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)},
	}}
}

// issue issues a token and prints what an agent is to be configured with, as a person does.
func (s *Story) issue(ctx context.Context, tenant, scopes, agent string) (token, snippet string, err error) {
	text, err := s.Fork.Run(ctx, "token", "issue", tenant, "--cluster", s.Cluster, "--scope", scopes, "--for", agent, "--stdout", "-o", "json")
	if err != nil {
		return "", "", err
	}
	var issued struct{ Token, Snippet string }
	if err := json.Unmarshal([]byte(text), &issued); err != nil {
		return "", "", fmt.Errorf("reading what token issue printed: %w", err)
	}
	return issued.Token, issued.Snippet, nil
}
