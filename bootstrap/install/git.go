package install

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// Git says how Flux reads the repository. For a public one, it is empty.
type Git struct {
	// URL is the repository's: source.url of cluster.yaml.
	URL string
	// Secret is the name of the Secret in flux-system: source.secret of cluster.yaml. Empty for a public repository.
	Secret string
	// Token is a password for https.
	Token string
	// Key is a private key for ssh in PEM or OpenSSH's form; a new one is made when it is empty.
	Key []byte
	// KnownHosts are the host's keys in the form of a known_hosts file; those that the host shows are taken when it is empty.
	KnownHosts []byte
}

// GitSecret is the name of the resource that holds the repository's credentials. Its detail is the deploy key, in the form
// that Git hosts take it.
const GitSecret = PhaseFlux + "/git-secret"

// gitSecret is what is known of the Secret once it is there.
type gitSecret struct {
	// PublicKey is the deploy key, in the form that Git hosts take it; empty for https.
	PublicKey string
}

func (i *installer) addGitSecret(after engine.Dependency) engine.Dependency {
	return engine.Add(i.graph, engine.Resource[gitSecret]{
		Name: GitSecret, Kind: "Secret", ID: fluxNamespace + "/" + i.Git.Secret, Part: true, Expected: time.Second,
		Find: func(ctx context.Context) (engine.State[gitSecret], error) {
			c, err := i.client(ctx)
			if err != nil {
				return engine.State[gitSecret]{}, err
			}
			return i.findGitSecret(ctx, c)
		},
		Create: func(ctx context.Context) error {
			data, err := i.Git.data(ctx)
			if err != nil {
				return err
			}
			c, err := i.client(ctx)
			if err != nil {
				return err
			}
			return c.Create(ctx, newSecret(provider.Secret{Namespace: fluxNamespace, Name: i.Git.Secret, Data: data}))
		},
	}, after)
}

func (i *installer) findGitSecret(ctx context.Context, c client.Client) (engine.State[gitSecret], error) {
	var live corev1.Secret
	err := c.Get(ctx, client.ObjectKey{Namespace: fluxNamespace, Name: i.Git.Secret}, &live)
	if apierrors.IsNotFound(err) {
		return engine.State[gitSecret]{}, nil
	}
	if err != nil {
		return engine.State[gitSecret]{}, fmt.Errorf("read the Secret of the repository: %w", err)
	}
	found := engine.State[gitSecret]{Condition: engine.Ready, Output: gitSecret{PublicKey: strings.TrimSpace(string(live.Data["identity.pub"]))}}
	if found.Output.PublicKey != "" {
		found.Detail = found.Output.PublicKey
	}
	return found, nil
}

// newSecret is a Secret that is known to be bootstrap's. Users may replace it.
func newSecret(s provider.Secret) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Labels: map[string]string{
			"app.kubernetes.io/managed-by": "opsgen-bootstrap", labelPartOf: partOf,
		}},
		Data: s.Data,
	}
}

// Check says what is missing to make the Secret; empty when nothing is.
func (g Git) Check() (problem, hint string) {
	if g.Secret == "" {
		return "", ""
	}
	where, err := url.Parse(g.URL)
	switch {
	case err != nil:
		return "the repository's URL cannot be read: " + err.Error(), "Mend source.url in cluster.yaml."
	case where.Scheme == "https" && g.Token == "":
		return "cluster.yaml names source.secret, and there is neither that Secret nor a token", "Give a token that can read the repository: OPSGEN_GIT_TOKEN, or --git-token-file."
	case where.Scheme != "https" && where.Scheme != "ssh":
		return fmt.Sprintf("the repository's URL begins with %s://, which takes no credentials", where.Scheme), "Use https:// or ssh://, or remove source.secret."
	}
	return "", ""
}

// data are the Secret's keys, as Flux' GitRepository reads them (Flux 2.9, docs/spec/v1/gitrepositories.md).
func (g Git) data(ctx context.Context) (map[string][]byte, error) {
	where, err := url.Parse(g.URL)
	if err != nil {
		return nil, fmt.Errorf("read the repository's URL: %w", err)
	}
	if where.Scheme == "https" {
		// Hosts that take a token as password take any user name.
		return map[string][]byte{"username": []byte("git"), "password": []byte(g.Token)}, nil
	}
	private, public, err := g.keys()
	if err != nil {
		return nil, err
	}
	hosts := g.KnownHosts
	if len(hosts) == 0 {
		if hosts, err = hostKeys(ctx, where); err != nil {
			return nil, err
		}
	}
	return map[string][]byte{"identity": private, "identity.pub": public, "known_hosts": hosts}, nil
}

// keys are the given private key and its public one, or new ones. A deploy key opens one repository; ed25519 keys are
// short and every Git host takes them.
func (g Git) keys() (private, public []byte, err error) {
	if len(g.Key) > 0 {
		signer, err := ssh.ParsePrivateKey(g.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("read the key for Git: %w; it must be a private key without a password", err)
		}
		return g.Key, ssh.MarshalAuthorizedKey(signer.PublicKey()), nil
	}
	publicKey, privateKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key for Git: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(privateKey, "opsgen")
	if err != nil {
		return nil, nil, fmt.Errorf("write the key for Git: %w", err)
	}
	line, err := ssh.NewPublicKey(publicKey)
	if err != nil {
		return nil, nil, fmt.Errorf("write the key for Git: %w", err)
	}
	return pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(line), nil
}

// errSeen ends the connection once the host has shown its key.
var errSeen = errors.New("the host's key was seen")

// hostKeys asks the Git host for its key. Whoever stands between could show another one: that is why it is printed, and
// why --git-known-hosts exists. Flux then insists on this key for ever.
func hostKeys(ctx context.Context, where *url.URL) ([]byte, error) {
	port := where.Port()
	if port == "" {
		port = "22"
	}
	address := net.JoinHostPort(where.Hostname(), port)
	var line []byte
	config := &ssh.ClientConfig{
		User: "git",
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			name := where.Hostname()
			if port != "22" {
				name = "[" + name + "]:" + port
			}
			line = append([]byte(name+" "), ssh.MarshalAuthorizedKey(key)...)
			return errSeen
		},
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its key: %w; give it with --git-known-hosts", address, err)
	}
	defer connection.Close() //nolint:errcheck // nothing was written
	if _, _, _, err := ssh.NewClientConn(connection, address, config); line == nil {
		return nil, fmt.Errorf("ask %s for its key: %w; give it with --git-known-hosts", address, err)
	}
	return line, nil
}

func (i *installer) addSecrets(after engine.Dependency) engine.Dependency {
	missing := func(ctx context.Context) (client.Client, []provider.Secret, int, error) {
		c, err := i.client(ctx)
		if err != nil {
			return nil, nil, 0, err
		}
		all, err := i.Kubernetes.Secrets(ctx)
		if err != nil {
			return nil, nil, 0, err
		}
		var absent []provider.Secret
		for _, s := range all {
			err := c.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: s.Name}, &corev1.Secret{})
			switch {
			case apierrors.IsNotFound(err):
				absent = append(absent, s)
			case err != nil:
				return nil, nil, 0, fmt.Errorf("read the Secret %s/%s: %w", s.Namespace, s.Name, err)
			}
		}
		return c, absent, len(all), nil
	}
	return engine.Add(i.graph, engine.Resource[none]{
		Name: "flux/secrets", Kind: "Secrets", Part: true, Expected: time.Second,
		Find: func(ctx context.Context) (engine.State[none], error) {
			_, absent, all, err := missing(ctx)
			if err != nil || len(absent) > 0 {
				return engine.State[none]{}, err
			}
			return engine.State[none]{Condition: engine.Ready, Detail: fmt.Sprintf("%d", all)}, nil
		},
		Create: func(ctx context.Context) error {
			c, absent, _, err := missing(ctx)
			for _, s := range absent {
				if err := c.Create(ctx, newSecret(s)); err != nil {
					return fmt.Errorf("make the Secret %s/%s: %w", s.Namespace, s.Name, err)
				}
			}
			return err
		},
	}, after)
}
