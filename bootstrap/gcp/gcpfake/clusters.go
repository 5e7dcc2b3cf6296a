package gcpfake

// listClusters lists those of all places.
func (c *Cloud) listClusters(k *call) {
	if !c.begin(k, "clusters.list") {
		return
	}
	list := []any{}
	for _, i := range c.all("clusters") {
		if c.visible(i) {
			list = append(list, c.described(i))
		}
	}
	k.answer(map[string]any{"clusters": list})
}

// describeEndpoints adds what the service says of the ways to a cluster.
func (c *Cloud) describeEndpoints(i *Item, body map[string]any) {
	external := under(i.Body, "controlPlaneEndpointsConfig", "dnsEndpointConfig", "allowExternalTraffic")
	numbers := map[string]any{"enabled": true, "privateEndpoint": "10.0.0.2"}
	body["endpoint"] = "10.0.0.2"
	if under(i.Body, "controlPlaneEndpointsConfig", "ipEndpointsConfig", "enablePublicEndpoint") == true {
		numbers["enablePublicEndpoint"], numbers["publicEndpoint"], body["endpoint"] = true, "198.51.100.200", "198.51.100.200"
	}
	if networks := under(i.Body, "controlPlaneEndpointsConfig", "ipEndpointsConfig", "authorizedNetworksConfig"); networks != nil {
		numbers["authorizedNetworksConfig"] = networks
	}
	body["controlPlaneEndpointsConfig"] = map[string]any{"ipEndpointsConfig": numbers, "dnsEndpointConfig": map[string]any{
		"endpoint": "gke-1a2b3c-" + c.Number + "." + c.Region + ".gke.goog", "allowExternalTraffic": external,
	}}
}
