package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongUsageExitsWith2AndSaysWhatToWrite: nothing of it reaches a cloud or a cluster, and nothing is printed as a result.
func TestWrongUsageExitsWith2AndSaysWhatToWrite(t *testing.T) {
	root, kubeconfig := fixture(t)
	for name, text := range map[string]string{"empty": "", "no.key": "hello", "prices.yaml": "items: 7\n", "broken": "kind: [", "no.pem": "hello"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	t.Setenv("KUBECONFIG", kubeconfig)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(root, "nowhere.json"))
	type line struct{ line, want string }
	lines := []line{
		{"frob", "commands are plan, up, status, kubeconfig, token and down"},
		{"plan nope", "Clusters are: lab"},
		{"plan clusters/unrendered", "opsgen render"},
		{"plan lab --until nowhere", "phases of this cluster are flux"},
		{"plan prod --until nowhere", "phases of this cluster are project, network, buckets, dns, identities, cluster, flux"},
		{"up lab --until nowhere", "phases of this cluster are flux"},
		{"up lab --until ''", "phases of this cluster are flux"},
		{"up lab --timeout never", "--timeout"},
		{"up lab --timeout -1m", "a time such as"},
		{"up lab --timeout 0", "a time such as"},
		{"down lab --timeout 0s", "a time such as"},
		{"up lab --yes=perhaps", "--yes"},
		{"plan lab --check=perhaps", "--check"},
		{"up lab --git-key-file nowhere.pem", "--git-key-file"},
		{"up lab --git-key-file no.key", "a private key"},
		{"up lab --git-known-hosts nowhere", "--git-known-hosts"},
		{"up lab --git-known-hosts empty", "ssh-keyscan"},
		{"up lab --git-token-file nowhere.txt", "--git-token-file"},
		{"up lab --git-token-file empty", "empty is empty"},
		{"up lab --git-token-file no.key", "at https://"},
		{"up lab --verify-key no.key", "source.verifySecret"},
		{"up lab --login-ca-file no.pem", "login.ca"},
		{"up lab --login-client-secret-file no.key", "login.clientSecret"},
		{"up lab --first-token nobody", "no tenant lives on this cluster"},
		{"plan prod --kubeconfig kubeconfig", "is for provider existing, and the cluster's is gcp"},
		{"status prod --context c", "is for provider existing, and the cluster's is gcp"},
		{"down lab --confirm prod", "the cluster is lab"},
		{"down lab --without-kubernetes", "is for aws and gcp"},
		{"token prod", "write aws or gcp"},
		{"token prod --provider azure", "write aws or gcp"},
		{"token prod --provider existing", "write aws or gcp"},
		{"token prod --provider aws", "--region"},
		{"completion tcsh", "bash, zsh, fish or powershell"},
	}
	for _, command := range []string{"plan", "up", "status", "kubeconfig", "down"} {
		lines = append(lines,
			line{command, "bootstrap " + command + " clusters/NAME"}, line{command + " a b", "bootstrap " + command + " clusters/NAME"},
			line{command + " nope", "Clusters are: lab"}, line{command + " ''", "bootstrap " + command + " clusters/NAME"},
			line{command + " .", "Clusters are: lab"}, line{command + " /", "Clusters are: lab"}, line{command + " clusters", "Clusters are: lab"},
			line{command + " lab --frob", "`bootstrap " + command + " --help` lists the flags"},
			line{command + " lab -o yaml", "write text or json"}, line{command + " lab -o", "--help"},
			line{command + " lab --root nowhere", "no folder"}, line{command + " lab --root /", "versions.yaml"}, line{command + " lab --prices nowhere.yaml", "nowhere.yaml"},
			line{command + " lab --prices prices.yaml", "prices.yaml"}, line{command + " lab --kubeconfig nowhere", "--kubeconfig"},
			line{command + " lab --kubeconfig broken", "--kubeconfig"}, line{command + " lab --context other", "--context"},
		)
	}
	lines = append(lines, line{"token", "bootstrap token NAME"}, line{"token a b", "bootstrap token NAME"}, line{"token a --frob", "--help"})
	for _, c := range lines {
		arguments := strings.Fields(c.line)
		for i := range arguments {
			arguments[i] = strings.Trim(arguments[i], "'")
		}
		code, out, text := try(t, "", arguments...)
		if strings.HasSuffix(c.line, "--until ''") { // an empty value is none
			if code == exitUsage {
				t.Errorf("%s: %q", c.line, text)
			}
			continue
		}
		if code != exitUsage || !strings.Contains(text, c.want) || out != "" {
			t.Errorf("%s: exit %d, %q, %q, want %q", c.line, code, out, text, c.want)
		}
	}
}

// TestWrongVariablesAreRefusedAsFlagsAre: a value that is not understood must not pass for none.
func TestWrongVariablesAreRefusedAsFlagsAre(t *testing.T) {
	root, kubeconfig := fixture(t)
	for variable, test := range map[string]struct{ value, line, want string }{
		"OPSGEN_YES":     {"perhaps", "up lab", "OPSGEN_YES is \"perhaps\"; write true or false"},
		"OPSGEN_TIMEOUT": {"long", "down lab", "OPSGEN_TIMEOUT is \"long\"; write a time"},
		"OPSGEN_OUTPUT":  {"yaml", "status lab", "write text or json"},
		"OPSGEN_UNTIL":   {"nowhere", "plan lab", "phases of this cluster are"},
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, test.value)
			code, out, text := try(t, "", append(strings.Fields(test.line), "--root", root, "--kubeconfig", kubeconfig)...)
			if code != exitUsage || !strings.Contains(text, test.want) || out != "" {
				t.Errorf("exit %d, %q, %q", code, out, text)
			}
		})
	}
}

// TestShellsAreOfferedWhatFlagsTake asks as a shell does.
func TestShellsAreOfferedWhatFlagsTake(t *testing.T) {
	root, kubeconfig := fixture(t)
	for line, want := range map[string]string{
		"plan ":                  "clusters/lab clusters/prod clusters/unrendered :4",
		"plan lab -o ":           "text json :4",
		"plan lab --output=":     "text json :4",
		"plan prod --until ":     "project network buckets dns identities cluster flux :36",
		"up prod --until ":       "project network buckets dns identities cluster flux :36",
		"up prod --timeout ":     "30m 1h 2h :4",
		"down lab --confirm ":    ":4",
		"plan lab --context ":    "c :4",
		"plan lab --prices ":     "yaml yml :8",
		"up lab --verify-key ":   "sshpub pub asc :8",
		"up lab --first-token ":  ":4",
		"token prod --provider ": "aws gcp :4",
		"plan --root ":           ":16",
	} {
		words := strings.Split(line, " ")
		arguments := append([]string{"__complete"}, words...)
		if !strings.Contains(line, "--root") {
			t.Chdir(root)
		}
		t.Setenv("OPSGEN_KUBECONFIG", kubeconfig)
		_, out, _ := try(t, "", arguments...)
		if got := strings.Join(strings.Fields(out), " "); got != want {
			t.Errorf("%q: offered %q, want %q", line, got, want)
		}
	}
}
