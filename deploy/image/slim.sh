#!/bin/sh
# Takes out of an environment what no process of ours reads: tests, headers, type stubs, what botocore and Babel
# know beyond object stores, Chinese and English. usage: slim.sh /path/to/environment
set -eu
packages=$(echo "$1"/lib/python3.*/site-packages)
cd "$packages"

find scipy sklearn joblib -type d -name tests -prune -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.a' -o -name '*.h' -o -name '*.hpp' \) -delete
if [ -d botocore/data ]; then
  find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts ! -name sso ! -name sso-oidc -exec rm -rf {} +
fi
find babel/locale-data -type f ! -name 'root.dat' ! -name 'en*.dat' ! -name 'zh*.dat' -delete
