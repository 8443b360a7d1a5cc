# What a machine does at its first start. JSON is YAML too, so no text is ever put between quotes by hand.

locals {
  pods_range = "10.42.0.0/16"
  tls_folder = "/var/lib/rancher/k3s/server/tls"
  first      = "control-1"
  # Machines that come later ask a control machine that is sure to run.
  join_url = "https://${var.join != "" ? var.join : local.controls[local.first]}:6443"
  begins   = { for name in keys(local.controls) : name => name == local.first && var.join == "" }

  common_files = [
    {
      path        = "/usr/local/sbin/k3s-begin"
      permissions = "0700"
      content     = file("${path.module}/files/k3s-begin.sh")
    },
    {
      path        = "/etc/cloudmgr/metadata.nft"
      permissions = "0600"
      content     = file("${path.module}/files/metadata.nft")
    },
    {
      path        = "/etc/systemd/system/no-metadata-for-pods.service"
      permissions = "0644"
      content     = file("${path.module}/files/no-metadata-for-pods.service")
    },
  ]

  control_config = {
    for name, address in local.controls : name => merge(
      # Not a conditional: that would make both sides texts.
      { for key, value in { cluster-init = true } : key => value if local.begins[name] },
      { for key, value in { server = local.join_url } : key => value if !local.begins[name] },
      {
        token       = var.keys.token
        agent-token = var.keys.agent_token
        # Its Traefik and load balancer take the ingress' ports; its local-path class would put databases on one machine's disk.
        disable                  = ["traefik", "servicelb", "local-storage"]
        disable-cloud-controller = true
        kubelet-arg              = ["cloud-provider=external"]
        cluster-cidr             = local.pods_range
        service-cidr             = "10.43.0.0/16"
        tls-san                  = concat([for ip in hcloud_primary_ip.control : ip.ip_address], values(local.controls))
        node-label               = ["omegaml.io/role=${var.control.role}", "omegaml.io/pool=control"]
        node-taint               = var.control.role == "control" ? ["node-role.kubernetes.io/control-plane=:NoSchedule"] : []
        write-kubeconfig-mode    = "0600"
        secrets-encryption       = true
      },
      {
        for key, value in {
          etcd-s3                     = true
          etcd-s3-bucket              = try(var.etcd_backup.bucket, "")
          etcd-s3-endpoint            = try(var.etcd_backup.endpoint, "")
          etcd-s3-region              = try(var.etcd_backup.region, "")
          etcd-s3-folder              = try(var.etcd_backup.folder, "")
          etcd-s3-access-key          = try(var.etcd_backup.access_key, "")
          etcd-s3-secret-key          = try(var.etcd_backup.secret_key, "")
          etcd-snapshot-schedule-cron = "0 */6 * * *"
          etcd-snapshot-retention     = 28
        } : key => value if var.etcd_backup != null && value != ""
      },
    )
  }

  machine_config = {
    for pool, spec in var.pools : pool => {
      server      = local.join_url
      token       = var.keys.agent_token
      kubelet-arg = ["cloud-provider=external"]
      node-label = concat(
        ["omegaml.io/role=${spec.role}", "omegaml.io/pool=${pool}"],
        [for key, value in spec.labels : "${key}=${value}"],
      )
      node-taint = [for taint in spec.taints : "${taint.key}=${taint.value}:${taint.effect}"]
    }
  }

  control_init = {
    for name, config in local.control_config : name => join("\n", ["#cloud-config", jsonencode({
      package_update = true
      packages       = ["nftables", "curl"]
      write_files = concat(
        local.common_files,
        [{ path = "/etc/rancher/k3s/config.yaml", permissions = "0600", content = jsonencode(config) }],
        # Machines that join get the authorities from the first one; files of their own could only differ.
        local.begins[name] ? [
          for file, content in var.keys.files : { path = "${local.tls_folder}/${file}", permissions = "0600", content = content }
        ] : [],
        local.begins[name] ? [{ path = "/etc/cloudmgr/manifests.yaml", permissions = "0600", content = local.manifests }] : [],
      )
      runcmd = [["/usr/local/sbin/k3s-begin", "server", var.k3s_version, var.network_range]]
    })])
  }

  machine_init = {
    for pool, config in local.machine_config : pool => join("\n", ["#cloud-config", jsonencode({
      package_update = true
      packages       = ["nftables", "curl"]
      write_files = concat(
        local.common_files,
        [{ path = "/etc/rancher/k3s/config.yaml", permissions = "0600", content = jsonencode(config) }],
      )
      runcmd = [["/usr/local/sbin/k3s-begin", "agent", var.k3s_version, var.network_range]]
    })])
  }
}
