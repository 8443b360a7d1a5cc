#!/bin/sh
# Installs k3s: k3s-begin server|agent VERSION [NETWORK_RANGE]. Run once, by cloud-init.
set -eu
role=$1 version=$2 network=${3:-}

systemctl daemon-reload
systemctl enable --now no-metadata-for-pods.service

if [ -n "$network" ]; then
  # The private network may come seconds after the machine does.
  line=''
  while [ -z "$line" ]; do
    line=$(ip -4 -o addr show to "$network" | head -n 1)
    [ -n "$line" ] || sleep 2
  done
  interface=$(echo "$line" | awk '{print $2}')
  address=$(echo "$line" | awk '{print $4}' | cut -d / -f 1)
  mkdir -p /etc/rancher/k3s/config.yaml.d
  printf 'node-ip: "%s"\nflannel-iface: "%s"\n' "$address" "$interface" >/etc/rancher/k3s/config.yaml.d/address.yaml
fi

# The installer of the version itself; it checks the program's sum.
tag=$(echo "$version" | sed 's/+/%2B/')
until curl -sfL -o /root/k3s-install.sh "https://raw.githubusercontent.com/k3s-io/k3s/$tag/install.sh"; do sleep 5; done
until INSTALL_K3S_VERSION=$version INSTALL_K3S_EXEC=$role sh /root/k3s-install.sh; do sleep 10; done

if [ -f /etc/cloudmgr/manifests.yaml ]; then
  # Again and again: some objects are of kinds that the charts among them bring.
  until k3s kubectl apply -f /etc/cloudmgr/manifests.yaml; do sleep 5; done
  rm /etc/cloudmgr/manifests.yaml
fi
