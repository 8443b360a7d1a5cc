package main

import (
	"fmt"
	"regexp"
	"strings"
)

const rancherURL = "https://rancher.example.com"

// rancher decides as Rancher does.
func (f *filler) rancher(name string) any {
	switch name {
	case "id":
		return f.rancherID()
	case "cluster_v1_id":
		return "c-m-" + f.word("cluster", 8)
	case "name":
		if f.order.kind == "rancher2_machine_config_v2" {
			return "nc-" + f.wanted("generate_name") + "-" + f.word("config", 5)
		}
		return f.rancherID()
	case "kind":
		return kindOfConfig(f.order.wanted)
	case "driver":
		return driverOf(f.order.wanted, "_credential_config")
	case "resource_version":
		return fmt.Sprint(4_000 + f.number)
	case "kube_config":
		return "apiVersion: v1\nkind: Config\nclusters: []\n"
	case "default_project_id":
		return f.wanted("cluster_id") + ":p-" + f.word("default", 5)
	case "system_project_id":
		return f.wanted("cluster_id") + ":p-" + f.word("system", 5)
	case "cluster_registration_token":
		return []any{f.registration()}
	case "nodes":
		return nodesOf(f.held, f.wanted("cluster_id"))
	case "token", "temp_token":
		return "kubeconfig-" + f.word("token", 5) + ":" + f.word("secret", 54)
	case "access_key":
		return "token-" + f.word("token", 5)
	case "secret_key":
		return f.word("secret", 54)
	case "chart_version":
		return "107.0.0+up69.8.2-rancher.1"
	case "url":
		return rancherURL
	case "fleet_namespace":
		return "fleet-default"
	}
	return nil
}

func (f *filler) registration() map[string]any {
	token := f.word("registration", 54)
	return map[string]any{
		"cluster_id": "c-m-" + f.word("cluster", 8), "name": "default-token", "token": token,
		"node_command":          fmt.Sprintf("curl -fL %s/system-agent-install.sh | sudo sh -s - --server %s --label 'cattle.io/os=linux' --token %s", rancherURL, rancherURL, token),
		"insecure_node_command": fmt.Sprintf("curl --insecure -fL %s/system-agent-install.sh | sudo sh -s - --server %s --label 'cattle.io/os=linux' --token %s", rancherURL, rancherURL, token),
		"manifest_url":          fmt.Sprintf("%s/v3/import/%s_c-m-%s.yaml", rancherURL, token, f.word("cluster", 8)),
	}
}

func (f *filler) rancherID() string {
	cluster, name := f.wanted("cluster_id"), f.wanted("name")
	namespace := f.wanted("namespace")
	if namespace == "" {
		namespace = "default"
	}
	switch f.order.kind {
	case "rancher2_cluster_v2":
		return "fleet-default/" + name
	case "rancher2_cluster":
		return "c-m-" + f.word("cluster", 8)
	case "rancher2_machine_config_v2":
		return "fleet-default/nc-" + f.wanted("generate_name") + "-" + f.word("config", 5)
	case "rancher2_cloud_credential":
		return "cattle-global-data:cc-" + f.word("credential", 5)
	case "rancher2_cluster_sync":
		return cluster
	case "rancher2_project":
		return cluster + ":p-" + f.word("project", 5)
	case "rancher2_app_v2", "rancher2_secret_v2", "rancher2_config_map_v2":
		return cluster + "." + namespace + "/" + name
	case "rancher2_catalog_v2":
		return cluster + "." + name
	case "rancher2_cluster_role_template_binding":
		return cluster + ":crtb-" + f.word("binding", 5)
	case "rancher2_user":
		return "u-" + f.word("user", 5)
	case "rancher2_token", "rancher2_custom_user_token":
		return "token-" + f.word("token", 5)
	}
	return name
}

func driverOf(attributes map[string]any, suffix string) string {
	for name, value := range attributes {
		if items, ok := value.([]any); ok && len(items) > 0 && strings.HasSuffix(name, suffix) {
			return strings.TrimSuffix(name, suffix)
		}
	}
	return ""
}

var kinds = map[string]string{
	"amazonec2": "Amazonec2Config", "azure": "AzureConfig", "digitalocean": "DigitaloceanConfig", "google": "GoogleConfig",
	"linode": "LinodeConfig", "openstack": "OpenstackConfig", "vsphere": "VmwarevsphereConfig",
}

func kindOfConfig(attributes map[string]any) string { return kinds[driverOf(attributes, "_config")] }

func nodesOf(held *contents, cluster string) []any {
	nodes := []any{}
	for _, one := range held.Things {
		if one.Type != "rancher2_cluster_v2" || textOf(one.Attributes["cluster_v1_id"]) != cluster {
			continue
		}
		for _, pool := range at(one.Attributes, []string{"rke_config", "machine_pools"}) {
			fields, _ := pool.(map[string]any)
			quantity, _ := fields["quantity"].(float64)
			for index := range int(quantity) {
				name := fmt.Sprintf("%s-%s-%d", textOf(one.Attributes["name"]), textOf(fields["name"]), index+1)
				nodes = append(nodes, map[string]any{"id": cluster + ":" + name, "cluster_id": cluster, "name": name, "hostname": name})
			}
		}
	}
	return nodes
}

var (
	v1ID      = regexp.MustCompile(`^c-m-[a-z0-9]{8}$`)
	projectID = regexp.MustCompile(`^c-m-[a-z0-9]{8}:p-[a-z0-9]{5}$`)
	version   = regexp.MustCompile(`^v\d+\.\d+\.\d+\+(rke2r|k3s)\d+$`)
)

// Of what lies in the cluster itself, and so needs it to answer.
var inside = map[string]bool{
	"rancher2_app_v2": true, "rancher2_secret_v2": true, "rancher2_config_map_v2": true, "rancher2_catalog_v2": true, "rancher2_namespace": true,
}

// checkRancher refuses the mistakes that a schema can't show.
func (c *change) checkRancher() error {
	if cluster, has := c.wanted["cluster_id"].(string); has {
		if err := c.checkCluster(cluster); err != nil {
			return err
		}
	}
	switch c.kind {
	case "rancher2_namespace":
		project := textOf(c.wanted["project_id"])
		if !projectID.MatchString(project) {
			return fmt.Errorf("[ERROR] Creating Namespace: project_id %q is not of the form <cluster_id>:<project_id>", project)
		}
		cluster, _, _ := strings.Cut(project, ":")
		return c.checkCluster(cluster)
	case "rancher2_cluster_v2":
		return c.checkPools()
	}
	return nil
}

func (c *change) checkCluster(id string) error {
	if !v1ID.MatchString(id) {
		return fmt.Errorf("Bad response statusCode [404]. Status [404 Not Found]. Body: [message=clusters.management.cattle.io %q not found] from [%s/v3/clusters/%s]: cluster_id is a cluster_v1_id (c-m-…), not an id", id, rancherURL, id)
	}
	isThere, isSynced := false, false
	for _, one := range c.held.Things {
		isThere = isThere || one.Type == "rancher2_cluster" && one.ID == id
		isThere = isThere || one.Type == "rancher2_cluster_v2" && textOf(one.Attributes["cluster_v1_id"]) == id
		isSynced = isSynced || one.Type == "rancher2_cluster_sync" && one.ID == id
	}
	if !isThere {
		return fmt.Errorf("Bad response statusCode [404]. Status [404 Not Found]. Body: [message=clusters.management.cattle.io %q not found] from [%s/v3/clusters/%s]", id, rancherURL, id)
	}
	if inside[c.kind] && !isSynced {
		return fmt.Errorf("Bad response statusCode [503]. Status [503 Service Unavailable]. Body: [message=cluster not ready] from [%s/k8s/clusters/%s/v1]: nothing waited for it (rancher2_cluster_sync)", rancherURL, id)
	}
	return nil
}

func (c *change) checkPools() error {
	if given := textOf(c.wanted["kubernetes_version"]); !version.MatchString(given) {
		return fmt.Errorf("[ERROR] kubernetes_version %q is not one of Rancher's, such as v1.35.2+rke2r1", given)
	}
	pools := at(c.wanted, []string{"rke_config", "machine_pools"})
	names := map[string]bool{}
	isControlled, hasEtcd := len(pools) == 0, len(pools) == 0
	for _, held := range pools {
		pool, _ := held.(map[string]any)
		name := textOf(pool["name"])
		if names[name] {
			return fmt.Errorf("[ERROR] machine pool %q is there twice", name)
		}
		names[name] = true
		isControlled = isControlled || pool["control_plane_role"] == true
		hasEtcd = hasEtcd || pool["etcd_role"] == true
		if err := c.checkPool(name, pool); err != nil {
			return err
		}
	}
	if !isControlled || !hasEtcd {
		return fmt.Errorf("[ERROR] no machine pool has control plane and etcd")
	}
	return nil
}

func (c *change) checkPool(name string, pool map[string]any) error {
	labels, _ := pool["labels"].(map[string]any)
	for label := range labels {
		if !strings.Contains(label, "cattle.io/") && !strings.Contains(label, "cluster.x-k8s.io/") {
			return fmt.Errorf("[ERROR] machine pool %q: label %s never reaches a node: labels are the MachineDeployment's, machine_labels the nodes'", name, label)
		}
	}
	for _, held := range at(pool["machine_config"], nil) {
		used, _ := held.(map[string]any)
		if !c.hasConfig(textOf(used["kind"]), textOf(used["name"])) {
			return fmt.Errorf("[ERROR] machine pool %q: %s %s not found", name, textOf(used["kind"]), textOf(used["name"]))
		}
	}
	return nil
}

func (c *change) hasConfig(kind, name string) bool {
	for _, one := range c.held.Things {
		if one.Type == "rancher2_machine_config_v2" && textOf(one.Attributes["kind"]) == kind && textOf(one.Attributes["name"]) == name {
			return true
		}
	}
	return false
}
