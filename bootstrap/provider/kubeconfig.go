package provider

import "k8s.io/client-go/tools/clientcmd/api"

// Kubeconfig is one cluster, by the address of its API server and the certificates that the server's is held against (none for
// a public one), and somebody who uses it with a token.
func Kubeconfig(name, server string, ca []byte, token string) *api.Config {
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[name] = &api.AuthInfo{Token: token}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return config
}
