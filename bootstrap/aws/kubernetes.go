package aws

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// A token for EKS is a request to STS, signed and not sent: EKS sends it, and is told who signed it. It is good for 15
// minutes, whatever it says itself (aws-iam-authenticator 0.7, pkg/token).
const (
	tokenPrefix   = "k8s-aws-v1."
	tokenHeader   = "x-k8s-aws-id"
	tokenLife     = 14 * time.Minute
	tokenSeconds  = "60"
	expiresHeader = "X-Amz-Expires"
)

// token is who we are, for the API server.
func (a *amazon) bearer(ctx context.Context) (string, error) {
	signer := sts.NewPresignClient(a.sts)
	request, err := signer.PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(o *sts.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, func(o *sts.Options) {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue(tokenHeader, a.Cluster.Name), smithyhttp.SetHeaderValue(expiresHeader, tokenSeconds))
		})
	})
	if err != nil {
		return "", fmt.Errorf("sign a token for the cluster: %w", err)
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(request.URL)), nil
}

// Bearer implements provider.Bearer.
func (a *amazon) Bearer(ctx context.Context) (token string, until time.Time, err error) {
	until = time.Now().Add(tokenLife)
	token, err = a.bearer(ctx)
	return token, until, err
}

// restConfig reaches the cluster as the one whose credentials are used.
func (a *amazon) restConfig(ctx context.Context) (*rest.Config, error) {
	there, err := a.cluster.Get(ctx)
	if err != nil {
		return nil, err
	}
	source := &tokens{sign: a.bearer}
	return &rest.Config{
		Host: there.endpoint, TLSClientConfig: rest.TLSClientConfig{CAData: there.ca}, WarningHandler: rest.NoWarnings{},
		WrapTransport: func(next http.RoundTripper) http.RoundTripper { return &authorized{tokens: source, next: next} },
	}, nil
}

// tokens keeps a token until it is nearly over.
type tokens struct {
	sign func(context.Context) (string, error)

	mu    sync.Mutex
	last  string
	until time.Time
}

func (t *tokens) token(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.until) {
		return t.last, nil
	}
	signed, err := t.sign(ctx)
	if err != nil {
		return "", err
	}
	t.last, t.until = signed, time.Now().Add(tokenLife-time.Minute)
	return signed, nil
}

// authorized sends the token with each request.
type authorized struct {
	tokens *tokens
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := a.tokens.token(request.Context())
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+token)
	return a.next.RoundTrip(request)
}

// kubeconfig holds a token, and so is good for 14 minutes: who needs it for longer asks for it again.
func (a *amazon) kubeconfig(ctx context.Context) (*api.Config, error) {
	there, err := a.cluster.Get(ctx)
	if err != nil {
		return nil, err
	}
	token, err := a.bearer(ctx)
	if err != nil {
		return nil, err
	}
	return provider.Kubeconfig(a.Cluster.Name, there.endpoint, there.ca, token), nil
}
