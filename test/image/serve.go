package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Serve answers as a registry, read only, until the context ends. It is the mirror of every registry: containerd names
// the registry that it was asked for in the parameter "ns" (containerd, docs/hosts.md); a client without it writes the
// registry's name before the repository's. What the store lacks is a 404, so that the pod gets a real ErrImagePull.
func Serve(ctx context.Context, listener net.Listener, store *Store) error {
	server := &http.Server{Handler: Handler(store), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() {
		// Serve answers what went wrong.
		_ = server.Close()
	})
	defer stop()
	if err := server.Serve(listener); err != nil && (ctx.Err() == nil || !errors.Is(err, http.ErrServerClosed)) {
		return fmt.Errorf("serving images: %w", err)
	}
	return nil
}

// Handler is what Serve serves.
func Handler(store *Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			fail(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is filled by the cluster bed only")
			return
		}
		rest, ok := strings.CutPrefix(r.URL.Path, "/v2/")
		if !ok {
			fail(w, http.StatusNotFound, "NAME_UNKNOWN", "a path of the registry API starts with /v2/")
			return
		}
		if rest == "" {
			w.WriteHeader(http.StatusOK)
			return
		}
		if repository, reference, ok := cutLast(rest, "/manifests/"); ok {
			serveManifest(w, r, store, repository, reference)
			return
		}
		if _, digest, ok := cutLast(rest, "/blobs/"); ok {
			serveBlob(w, r, store, digest)
			return
		}
		fail(w, http.StatusNotFound, "UNSUPPORTED", "only manifests and blobs are served")
	})
}

func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+len(separator):], true
}

func serveManifest(w http.ResponseWriter, r *http.Request, store *Store, repository, reference string) {
	if registry := r.URL.Query().Get("ns"); registry != "" {
		repository = registry + "/" + repository
	}
	parsed, err := name.NewRepository(repository)
	if err != nil {
		fail(w, http.StatusBadRequest, "NAME_INVALID", err.Error())
		return
	}
	image, ok := store.find(parsed.Name(), reference)
	if !ok {
		fail(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "the cluster bed has no image "+repository+" "+reference)
		return
	}
	if err := writeManifest(w, r, image); err != nil {
		fail(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
	}
}

func writeManifest(w http.ResponseWriter, r *http.Request, image v1.Image) error {
	manifest, err := image.RawManifest()
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	media, err := image.MediaType()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", string(media))
	w.Header().Set("Docker-Content-Digest", digest.String())
	w.Header().Set("Content-Length", strconv.Itoa(len(manifest)))
	if r.Method == http.MethodGet {
		// The client is gone when this fails.
		_, _ = w.Write(manifest)
	}
	return nil
}

func serveBlob(w http.ResponseWriter, r *http.Request, store *Store, digest string) {
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Type", "application/octet-stream")
	if data, ok := store.config(digest); ok {
		http.ServeContent(w, r, "", epoch, strings.NewReader(string(data)))
		return
	}
	layer, ok := store.blob(digest)
	if !ok {
		fail(w, http.StatusNotFound, "BLOB_UNKNOWN", "no image of the cluster bed has "+digest)
		return
	}
	content, err := layer.Compressed()
	if err != nil {
		fail(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	defer content.Close()
	// A file can be read in parts, as containerd does for large layers; other layers are sent whole.
	if seeker, ok := content.(io.ReadSeeker); ok {
		http.ServeContent(w, r, "", epoch, seeker)
		return
	}
	if size, err := layer.Size(); err == nil {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	if r.Method == http.MethodGet {
		// The client is gone when this fails.
		_, _ = io.Copy(w, content)
	}
}

// fail answers in the format of the OCI distribution specification, which clients show to their users.
func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Del("Docker-Content-Digest")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	// The client is gone when this fails.
	_ = json.NewEncoder(w).Encode(map[string][]problem{"errors": {{code, message}}})
}
