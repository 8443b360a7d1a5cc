# What a Rancher server is made of, as k3s' HelmChart objects and as values for Helm. Makes nothing itself.

terraform {
  required_version = ">= 1.6"
}

locals {
  catalogue = yamldecode(file("${path.module}/../../../catalog/rancher.yml"))
  version   = var.rancher_version != "" ? var.rancher_version : one([for line in local.catalogue.lines : line.version if line.rancher == local.catalogue.default])
  lines     = [for line in local.catalogue.lines : line if line.rancher == join(".", slice(split(".", local.version), 0, 2))]
  line      = one(local.lines)

  rancher_repository = "https://releases.rancher.com/server-charts/latest"
  rancher_charts     = "https://charts.rancher.io"
  backup_namespace   = "cattle-resources-system"

  rancher_values = merge(
    {
      hostname          = var.hostname
      replicas          = var.replicas
      bootstrapPassword = var.bootstrap_password
      ingress           = { ingressClassName = var.ingress_class, tls = { source = var.acme_email != "" ? "letsEncrypt" : "rancher" } }
    },
    # Rancher's own words for a certificate by ACME; HTTP-01 needs port 80 from everywhere.
    var.acme_email != "" ? { letsEncrypt = { email = var.acme_email, ingress = { class = var.ingress_class } } } : {},
  )

  charts = concat(
    [
      {
        name    = "cert-manager", repo = "https://charts.jetstack.io", chart = "cert-manager"
        version = local.catalogue.certManager, namespace = "cert-manager", values = yamlencode({ crds = { enabled = true } })
      },
      {
        name    = "rancher", repo = local.rancher_repository, chart = "rancher"
        version = local.version, namespace = "cattle-system", values = yamlencode(local.rancher_values)
      },
    ],
    [
      for chart in ["rancher-backup-crd", "rancher-backup"] : {
        name    = chart, repo = local.rancher_charts, chart = chart
        version = try(local.line.backup, ""), namespace = local.backup_namespace, values = yamlencode({})
      } if var.backup != null
    ],
  )

  backup_objects = var.backup == null ? tolist([]) : [
    yamlencode({ apiVersion = "v1", kind = "Namespace", metadata = { name = local.backup_namespace } }),
    yamlencode({
      apiVersion = "v1", kind = "Secret"
      metadata   = { name = "backup-bucket", namespace = local.backup_namespace }
      stringData = { accessKey = var.backup.access_key, secretKey = var.backup.secret_key }
    }),
    yamlencode({
      apiVersion = "v1", kind = "Secret"
      metadata   = { name = "backup-encryption", namespace = local.backup_namespace }
      stringData = {
        "encryption-provider-config.yaml" = yamlencode({
          apiVersion = "apiserver.config.k8s.io/v1"
          kind       = "EncryptionConfiguration"
          resources = [{
            resources = ["*.*"]
            providers = [{ secretbox = { keys = [{ name = "key1", secret = var.backup.encryption_key }] } }, { identity = {} }]
          }]
        })
      }
    }),
    yamlencode({
      apiVersion = "resources.cattle.io/v1", kind = "Backup"
      metadata   = { name = "to-bucket" }
      spec = {
        resourceSetName            = "rancher-resource-set-full"
        schedule                   = var.backup.schedule
        retentionCount             = var.backup.keep
        encryptionConfigSecretName = "backup-encryption"
        storageLocation = { s3 = {
          bucketName                = var.backup.bucket
          folder                    = var.backup.folder
          region                    = var.backup.region
          endpoint                  = var.backup.endpoint
          credentialSecretName      = "backup-bucket"
          credentialSecretNamespace = local.backup_namespace
        } }
      }
    }),
  ]
}
