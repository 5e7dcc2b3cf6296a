package render

// promised are the Secrets that cluster.yaml names and a person makes, as the checks know them: the credentials of the
// repository, the keys of its tags, and those of an object storage of their own.
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
	return names
}
