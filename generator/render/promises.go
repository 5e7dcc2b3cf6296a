package render

// promised are the Secrets and ConfigMaps that cluster.yaml names and a person makes, as the checks know them: the credentials of the
// repository, the keys of its tags, those of an object storage of their own, and the one for the login.
func (p *plan) promised() []string {
	var names []string
	for _, secret := range []string{p.Source.Secret, p.Source.VerifySecret} {
		if secret != "" {
			names = append(names, "Secret/flux-system/"+secret)
		}
	}
	if secret := p.Provider.Storage.Secret; secret != "" {
		for _, namespace := range []string{"cortex", "loki"} {
			names = append(names, "Secret/"+namespace+"/"+secret)
		}
	}
	if login := p.Login; login != nil {
		if login.ClientSecret != "" {
			names = append(names, "Secret/proxy/"+login.ClientSecret)
		}
		if login.CA != "" {
			names = append(names, "ConfigMap/proxy/"+login.CA)
		}
	}
	return names
}
