// For tests: certificates made on the spot.
#pragma once

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace sluice::net::testing {

// A key and a certificate, signed by another or by itself.
class Certificate {
 public:
  // `names` as subjectAltName has them: "DNS:db.example,IP:127.0.0.1"; empty: none.
  Certificate(const std::string& common_name, const std::string& names, const Certificate* issuer,
              const EVP_MD* digest = EVP_sha256())
      : key_(EVP_EC_gen("P-256")), x509_(X509_new()) {
    X509_set_version(x509_.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509_.get()), next_serial());
    X509_gmtime_adj(X509_getm_notBefore(x509_.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509_.get()), 3600);
    X509_set_pubkey(x509_.get(), key_.get());
    X509_NAME* subject = X509_get_subject_name(x509_.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x509_.get(),
                         issuer ? X509_get_subject_name(issuer->x509_.get()) : subject);
    if (!issuer) extend(NID_basic_constraints, "critical,CA:TRUE");
    if (!names.empty()) extend(NID_subject_alt_name, names);
    if (!X509_sign(x509_.get(), issuer ? issuer->key_.get() : key_.get(), digest))
      throw std::runtime_error("signing a test certificate");
  }

  const Certificate& write(const std::string& cert_file, const std::string& key_file,
                           const EVP_CIPHER* cipher = nullptr) const {
    with_file(cert_file, [&](FILE* file) { PEM_write_X509(file, x509_.get()); });
    with_file(key_file, [&](FILE* file) {
      unsigned char password[] = "secret";
      PEM_write_PrivateKey(file, key_.get(), cipher, cipher ? password : nullptr, cipher ? 6 : 0,
                           nullptr, nullptr);
    });
    return *this;
  }

  std::string hash(const EVP_MD* digest) const {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    X509_digest(x509_.get(), digest, bytes, &length);
    return {reinterpret_cast<char*>(bytes), length};
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* x509) const { X509_free(x509); }
  };

  static long next_serial() {
    static long serial = 1;
    return serial++;
  }
  void extend(int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(x509_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  template <class Body>
  static void with_file(const std::string& name, Body body) {
    FILE* file = std::fopen(name.c_str(), "w");
    if (!file) throw std::runtime_error("writing " + name);
    body(file);
    std::fclose(file);
  }

  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> x509_;
};

}  // namespace sluice::net::testing
