# What is installed, and the packages that carry it.
#
# The program, the public headers, the libraries that SluiceLibrary.cmake names, an example configuration and unit where deploy/ has them.

include(GNUInstallDirs)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT development FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
if(EXISTS ${CMAKE_SOURCE_DIR}/demo)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/demo/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/demo
          USE_SOURCE_PERMISSIONS PATTERN "__pycache__" EXCLUDE)
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/deploy/sluice.service)
  install(FILES ${CMAKE_SOURCE_DIR}/deploy/sluice.service DESTINATION lib/systemd/system)
endif()

set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_CONTACT "The Sluice authors")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql-15, python3-psycopg")
include(CPack)
